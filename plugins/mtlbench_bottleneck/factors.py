"""Matrices of a bottleneck: K of them at once, each written as fewer numbers than it has elements.

A factor maps streams (S, B, ..., I) to (max(S, K), B, ..., O), S = 1 or K. Its K matrices W (O, I) start from
the variance 1 / (3 I) of PyTorch's linear layers, or (`zero`) from zero with one part that isn't.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mtlbench.engine.streams import batched_linear


class Dense(nn.Module):
    """Multiply with W = `weight`, (K, O, I)."""

    def __init__(self, sets: int, inputs: int, outputs: int, zero: bool = False) -> None:
        super().__init__()
        self.weight = _spread(inputs, sets, outputs, inputs, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        return batched_linear(x, self.weight)


class LowRank(nn.Module):
    """Multiply with W = L R: L (K, O, r), R (K, r, I)."""

    def __init__(self, sets: int, inputs: int, outputs: int, zero: bool = False, *, rank: int) -> None:
        super().__init__()
        self.L = _normal(rank, sets, outputs, rank, zero=zero)
        self.R = _spread(inputs, sets, rank, inputs)

    def forward(self, x: Tensor) -> Tensor:
        return batched_linear(batched_linear(x, self.R), self.L)


class Kronecker(nn.Module):
    """Multiply with W = Σ_i A_i ⊗ B_i: A (K or 1, n, n, n), B (K, n, O / n, I / n).

    Passing B over every token takes as many multiplications as W does, and A's come on top; so W is built,
    once for all tokens.
    """

    def __init__(self, sets: int, inputs: int, outputs: int, zero: bool = False, *, A: nn.Parameter) -> None:
        super().__init__()
        n = A.shape[1]
        self.A = A
        self.B = _spread(inputs, sets, n, outputs // n, inputs // n, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        A = self.A.expand(len(self.B), -1, -1, -1)
        W = torch.einsum("knpq,knoi->kpoqi", A, self.B)
        return batched_linear(x, W.flatten(3, 4).flatten(1, 2))


class LowRankKronecker(nn.Module):
    """Multiply with W = Σ_i A_i ⊗ s_i t_iᵀ: A (K or 1, n, n, n), s (K, O / n, n·r), t (K, n, r, I / n).

    The A_i ⊗ t_iᵀ are n² r rows, and the s_i then don't mix the n parts of the output; W is never built.
    """

    def __init__(
        self, sets: int, inputs: int, outputs: int, zero: bool = False, *, A: nn.Parameter, rank: int
    ) -> None:
        super().__init__()
        n = A.shape[1]
        self.A = A
        self.s = _normal(rank, sets, outputs // n, n * rank, zero=zero)
        self.t = _spread(inputs, sets, n, rank, inputs // n)

    def forward(self, x: Tensor) -> Tensor:
        n = self.t.shape[1]
        A = self.A.expand(len(self.t), -1, -1, -1)
        R = torch.einsum("knpq,knri->kpnrqi", A, self.t).flatten(4, 5).flatten(1, 3)
        return batched_linear(batched_linear(x, R).unflatten(-1, (n, -1)), self.s).flatten(-2)


def kronecker_rule(sets: int, n: int) -> nn.Parameter:
    """Return the A_i of K sets, (K, n, n, n), of variance 1 / n: W then starts with the variance of B."""
    return _normal(n, sets, n, n, n)


def _spread(inputs: int, *shape: int, zero: bool = False) -> nn.Parameter:
    """Draw evenly from ±1 / √inputs, or return zeros."""
    bound = 0.0 if zero else inputs**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _normal(terms: int, *shape: int, zero: bool = False) -> nn.Parameter:
    """Draw what leaves the variance of a sum of `terms` products with it as it is, or return zeros."""
    return nn.Parameter(torch.randn(shape) * (0.0 if zero else 1 / math.sqrt(terms)))

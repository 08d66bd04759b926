"""Frozen linear layers with a low-rank update that all streams share, or that tasks bend by sines."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.streams import batched_linear
from mtlbench_sinewich.modulate import Modulate


class LowRank(nn.Module):
    """Hold a frozen layer W, b and the factors of M = B A.

    A (r, I) starts from Kaiming's uniform law with a = √5, B (O, r) from zero.
    """

    def __init__(self, frozen: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.frozen, self.scale = frozen, scale
        self.A = nn.Parameter(frozen.weight.new_empty(rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(frozen.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))


class SharedLinear(LowRank):
    """Compute y = W x + b + s · B A x for every stream: (S, B, ..., I) -> (S, B, ..., O)."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        inner, base = F.linear(x, self.A).flatten(0, -2), self.frozen(x).flatten(0, -2)
        return torch.addmm(base, inner, self.B.T, alpha=self.scale).view(*x.shape[:-1], -1)

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with W + s · BA as its weight."""
        self.frozen.weight.addmm_(self.B, self.A, alpha=self.scale)
        return self.frozen


class SineLinear(LowRank):
    """Update the shared stream by s · M and tasks by sines of M.

    y = (W + s · M) x + b and y_t = (W + s / f · G(sin(f · ω_t · M))) x_t + b, where G filters rows and
    columns of a matrix by a Gaussian and x_t is the input of task t, or x where streams haven't fanned out:
    (1 or 1 + T, B, ..., I) -> (1 + T, B, ..., O), or from 1 or T to T streams where nothing reads the
    shared one (`ends`). A sine of every element has no low rank, so these weights are made, in the
    type of the parameters (float32), once per forward pass.
    """

    def __init__(
        self,
        frozen: nn.Linear,
        rank: int,
        scale: float,
        f: float,
        frequencies: Callable[[], Tensor],
        ends: bool = False,
    ) -> None:
        super().__init__(frozen, rank, scale)
        self.f, self.frequencies, self.ends = f, frequencies, ends

    def forward(self, x: Tensor) -> Tensor:
        y = batched_linear(x, self.weights())
        return y if self.frozen.bias is None else y + self.frozen.bias.to(y.dtype)

    def weights(self) -> Tensor:
        """Return the weights of all streams, (T, O, I) or (1 + T, O, I)."""
        W = self.frozen.weight
        with torch.autocast(W.device.type, enabled=False):
            M = self.B @ self.A
            return Modulate.apply(W, M, self.frequencies(), self.f, self.scale, not self.ends)

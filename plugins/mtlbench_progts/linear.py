"""Frozen linear layers with one low-rank update per group of tasks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mtlbench.engine.layers import dropout
from mtlbench.engine.streams import batched_linear


class GroupLinear(nn.Module):
    """Compute y_g = W x_g + b + s · B_g A_g drop(x_g): (1 or G, B, ..., I) -> (G, B, ..., O).

    A (G, r, I) starts from Kaiming's uniform law with a = √5, B (G, O, r) from zero.
    """

    def __init__(self, frozen: nn.Linear, groups: int, rank: int, scale: float, dropout: float) -> None:
        super().__init__()
        self.frozen = frozen
        self.scale, self.dropout = scale, dropout
        self.A = nn.Parameter(frozen.weight.new_empty(groups, rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(groups, frozen.out_features, rank))
        for A in self.A:
            nn.init.kaiming_uniform_(A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1, -2)
        inner = batched_linear(dropout(flat, self.dropout, self.training), self.A)
        y = torch.baddbmm(self.frozen(flat), inner, self.B.mT, alpha=self.scale)
        return y.unflatten(1, x.shape[1:-1])


class SharedLinear(GroupLinear):
    """Hold the update of the one group that all tasks form."""

    def __init__(self, frozen: nn.Linear, rank: int, scale: float, dropout: float) -> None:
        super().__init__(frozen, 1, rank, scale, dropout)

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with W + s · BA as its weight."""
        self.frozen.weight.addmm_(self.B[0], self.A[0], alpha=self.scale)
        return self.frozen


def updated(frozen: nn.Linear, groups: int, rank: int, scale: float, dropout: float) -> GroupLinear:
    """Give a frozen layer one update per group."""
    if groups == 1:
        return SharedLinear(frozen, rank, scale, dropout)
    return GroupLinear(frozen, groups, rank, scale, dropout)

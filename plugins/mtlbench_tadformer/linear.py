"""Frozen linear layers with low-rank updates that all tasks share, filtered for each where streams part."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import dropout

Filter = Callable[[Tensor], Tensor]


class LowRank(nn.Module):
    """Hold W, b (`frozen`) and s · B A.

    A (r, I) starts from Kaiming's uniform law with a = √5, B (O, r) from zero.
    """

    def __init__(self, frozen: nn.Linear, *, rank: int, scale: float, dropout: float) -> None:
        super().__init__()
        self.frozen = frozen
        self.scale, self.dropout = scale, dropout
        self.A = nn.Parameter(frozen.weight.new_empty(rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(frozen.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def drop(self, x: Tensor) -> Tensor:
        """Apply the dropout of updates."""
        return dropout(x, self.dropout, self.training)

    def update(self, x: Tensor, inner: Tensor) -> Tensor:
        """Return W x + b + s · B inner: (1 or S, ..., I), (S, ..., r) -> (S, ..., O)."""
        return torch.add(self.frozen(x), F.linear(inner, self.B), alpha=self.scale)


class LoRALinear(LowRank):
    """Compute y = W x + b + s · B A drop(x) for every stream: (S, B, ..., I) -> (S, B, ..., O)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.update(x, F.linear(self.drop(x), self.A))

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with W + s · BA as its weight."""
        self.frozen.weight.addmm_(self.B, self.A, alpha=self.scale)
        return self.frozen


class TaskLinear(LowRank):
    """Compute y = W x + b + s · B A drop(x), and y_t = W x + b + s · B F_t(A x_t) for each task t.

    Takes maps (1 + T, B, h, w, I), the shared x first, to (1 + T, B, h, w, O); or one stream
    (1, B, ..., I), which gets the shared update alone. `filter` maps (T, n, h, w, r) to the same.
    """

    def __init__(self, frozen: nn.Linear, filter: nn.Module, **options) -> None:
        super().__init__(frozen, **options)
        self.filter = filter

    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 1:
            return self.update(x, F.linear(self.drop(x), self.A))
        shared, own = x.split((1, len(x) - 1))
        return self.part(shared, self.drop(shared), own, self.filter)

    def part(self, x: Tensor, dropped: Tensor, own: Tensor, filter: Filter) -> Tensor:
        """Return all streams, of x (1, ...), drop(x) and the tasks' inputs (T, ...)."""
        inner = torch.cat((F.linear(dropped, self.A), filter(F.linear(own, self.A))))
        return self.update(x, inner)


class ConditionedLinear(TaskLinear):
    """Let attention M_t of each task's prompt weigh what enters a `TaskLinear` (task-prompt conditional).

    x_t = LN(u_t + drop(x)) with u_t = drop(x) ⊙ M_t, one weight for all channels of a head.
    """

    def __init__(self, frozen: nn.Linear, filter: nn.Module, **options) -> None:
        super().__init__(frozen, filter, **options)
        self.norm = nn.LayerNorm(frozen.in_features).to(frozen.weight)

    def fan_out(self, x: Tensor, weights: Tensor, filter: Filter) -> tuple[Tensor, Tensor]:
        """Return all streams (1 + T, B, ..., O) and u (T, B, ..., I).

        Takes x (1, B, ..., I) and M (T, B, ..., heads); `filter` applies this layer's filter to what its A
        made (T, B, ..., r).
        """
        dropped = self.drop(x)
        heads = weights.shape[-1]
        weighed = (dropped.unflatten(-1, (heads, -1)) * weights[..., None]).flatten(-2)
        return self.part(x, dropped, self.norm(weighed + dropped), filter), weighed

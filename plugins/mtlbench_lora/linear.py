"""Frozen linear layers with a low-rank update, one for all streams or one per task (LoRA)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import dropout
from mtlbench.engine.streams import batched_linear


class Update(nn.Module):
    """Hold a frozen layer W (O, I) and s · BA, one for all streams or one for each of T tasks.

    A (r, I) starts from Kaiming's uniform law with a = √5, B (O, r) from zero; with tasks they are (T, r, I)
    and (T, O, r). With P parts the outputs are cut into P equal pieces, each with r rows of A (P·r, I) alone.
    """

    def __init__(
        self,
        frozen: nn.Linear,
        rank: int,
        scale: float,
        dropout: float,
        parts: int = 1,
        tasks: int | None = None,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.scale, self.dropout, self.parts = scale, dropout, parts
        sets = () if tasks is None else (tasks,)
        self.A = nn.Parameter(frozen.weight.new_empty(*sets, parts * rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(*sets, frozen.out_features, rank))
        for A in self.A.detach().view(-1, *self.A.shape[-2:]):
            nn.init.kaiming_uniform_(A, a=math.sqrt(5))

    def expansion(self) -> Tensor:
        """Return B as what multiplies all inner values (..., O, P·r), zero at those of other parts."""
        if self.parts == 1:
            return self.B
        own = torch.eye(self.parts, dtype=self.B.dtype, device=self.B.device)[:, None, :, None]
        pieces = self.B.unflatten(-2, (self.parts, -1)).unsqueeze(-2) * own  # (..., P, O / P, P, r)
        return pieces.flatten(-2).flatten(-3, -2)

    def drop(self, x: Tensor) -> Tensor:
        """Apply the dropout of updates."""
        return dropout(x, self.dropout, self.training)


class LoRALinear(Update):
    """Compute y = W x + b + s · B A drop(x) for every stream: (S, B, ..., I) -> (S, B, ..., O)."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        inner = F.linear(self.drop(x), self.A).flatten(0, -2)
        base = self.frozen(x).flatten(0, -2)
        return torch.addmm(base, inner, self.expansion().T, alpha=self.scale).view(*x.shape[:-1], -1)

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with W + s · BA as its weight."""
        self.frozen.weight.addmm_(self.expansion(), self.A, alpha=self.scale)
        return self.frozen


class TaskLoRALinear(Update):
    """Compute y_t = W x_t + b + s · B_t A_t drop(x_t): (S, B, ..., I) -> (T, B, ..., O), S = 1 or T.

    One input of all tasks passes W once, and tasks share its dropout.
    """

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(1, -2)
        inner = batched_linear(self.drop(flat), self.A)
        y = torch.baddbmm(self.frozen(flat), inner, self.expansion().mT, alpha=self.scale)
        return y.view(-1, *x.shape[1:-1], y.shape[-1])

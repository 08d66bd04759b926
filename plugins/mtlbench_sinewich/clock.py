"""The Clock-net: task tokens, and the frequency that each of them names."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Clock(nn.Module):
    """Compute ω_t = s · (tanh(w · ReLU(p_t)) + c) from tokens p_t, for all layers.

    Tokens (T · C,) start from the normal law, w (C,) from Kaiming's uniform law with a = √5, s and c from
    one. All are flat, so that they don't decay.

    As a backbone's `tokens` it brings the p_t as extra tokens of the first stage if `joins`.
    """

    def __init__(self, tasks: int, width: int, joins: bool) -> None:
        super().__init__()
        self.tasks, self.joins = tasks, joins
        self.p = nn.Parameter(torch.randn(tasks * width))
        self.w = nn.Parameter(torch.empty(width).uniform_(-(width**-0.5), width**-0.5))
        self.s = nn.Parameter(torch.ones(1))
        self.c = nn.Parameter(torch.ones(1))

    def forward(self, stage: int, tokens: Tensor | None) -> Tensor | None:
        """Return the tokens (1, 1, T, C) before the first stage, and none before others."""
        return self.p.view(1, 1, self.tasks, -1) if self.joins and stage == 0 else None

    def frequencies(self) -> Tensor:
        """Return ω (T,)."""
        return self.s * (torch.tanh(self.p.view(self.tasks, -1).relu() @ self.w) + self.c)

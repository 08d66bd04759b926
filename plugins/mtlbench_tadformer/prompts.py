"""Bring one prompt per task into the backbone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TaskPrompts(nn.Module):
    """Bring T prompts before the first stage, and widen them between stages whose widths differ.

    As in the release, `prompts` (T, C) starts from a normal law of mean 1 and deviation 1 cut to [-2, 2], the
    linear maps without bias from one of deviation 0.02.

    Args:
        tasks: T, the number of prompts.
        widths: C of every stage.
    """

    def __init__(self, tasks: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.prompts = nn.Parameter(nn.init.trunc_normal_(torch.empty(tasks, widths[0]), mean=1.0))
        self.widen = nn.ModuleList(
            nn.Identity() if inner == outer else nn.Linear(inner, outer, bias=False)
            for inner, outer in itertools.pairwise(widths)
        )
        for layer in self.widen:
            for weight in layer.parameters():
                nn.init.trunc_normal_(weight, std=0.02)

    def forward(self, stage: int, prompts: Tensor | None) -> Tensor:
        """Return the prompts (1, B or 1, T, C) that enter a stage, of those that left the one before."""
        return self.prompts[None, None] if stage == 0 else self.widen[stage - 1](prompts)

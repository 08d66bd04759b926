"""Impartial multi-task learning of losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.balancer import Balancer


class IMTLL(Balancer):
    """Learn a scale per task that brings all losses to the same size: Σ_t exp(s_t) L_t − s_t.

    Liu et al., ICLR 2021, eq. 9 with base e. At the optimum exp(s_t) = 1 / L_t, so that the gradients are
    those of Σ log L_t. One parameter per task, so that the optimiser leaves those of inactive tasks alone.

    Args:
        tasks: names of the experiment's tasks.
        init: s_t at the start.
    """

    static = True

    def __init__(self, tasks: Sequence[str], init: float = 0.0) -> None:
        super().__init__(tasks)
        self.scale = nn.ParameterDict({task: nn.Parameter(torch.tensor(init)) for task in self.tasks})

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return exp(s_t)."""
        return {task: self.scale[task].exp() for task in losses}

    def penalty(self, active: Sequence[str]) -> Tensor:
        """Return − Σ_t s_t over the active tasks."""
        return -torch.stack([self.scale[task] for task in active]).sum()

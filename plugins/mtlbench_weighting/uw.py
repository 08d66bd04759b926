"""Uncertainty weighting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.balancer import Balancer


class UW(Balancer):
    """Learn a log-variance s_t = log σ_t² per task and minimise Σ_t c_t · exp(−s_t) · L_t + s_t / 2.

    Kendall, Gal and Cipolla, CVPR 2018, eqs. 7 and 10: c_t = 1/2 for regression (a Gaussian likelihood) and
    c_t = 1 for classification (a softmax with temperature σ²), log σ_t = s_t / 2. The minimum over s_t is at
    exp(s_t) = 2 c_t L_t. One parameter per task, so that the optimiser leaves those of inactive tasks alone.

    Args:
        tasks: names of the experiment's tasks.
        classification: names of the tasks with c_t = 1; none by default, as every public implementation has
            it.
        init: s_t at the start.
    """

    static = True

    def __init__(self, tasks: Sequence[str], classification: Sequence[str] = (), init: float = 0.0) -> None:
        super().__init__(tasks)
        self.factor = {task: 1.0 if task in classification else 0.5 for task in self.tasks}
        self.log_variance = nn.ParameterDict({task: nn.Parameter(torch.tensor(init)) for task in self.tasks})

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return c_t · exp(−s_t), through which the log-variances learn from the losses."""
        return {task: self.factor[task] * torch.exp(-self.log_variance[task]) for task in losses}

    def penalty(self, active: Sequence[str]) -> Tensor:
        """Return Σ_t s_t / 2 = Σ_t log σ_t over the active tasks."""
        return torch.stack([self.log_variance[task] for task in active]).sum() / 2

"""Weights that bring all losses to one size."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class {{Class}}(Balancer):
    """Weight each loss by one over its running mean, so that every task starts from one."""

    #: weights come from earlier steps alone
    static = True

    def __init__(self, tasks, momentum: float = 0.9) -> None:
        super().__init__(tasks)
        self.momentum = momentum
        self.mean: Tensor  # a buffer, and so in every checkpoint; 0 before a task's first loss
        self.register_buffer("mean", torch.zeros(len(self.tasks), dtype=torch.float64))

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one weight per active task, 1 before its first step."""
        means = dict(zip(self.tasks, self.mean.tolist(), strict=True))
        return {task: torch.ones_like(loss) / (means[task] or 1.0) for task, loss in losses.items()}

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Follow the losses of the step just taken."""
        for index, task in enumerate(self.tasks):
            if task in losses:
                old = float(self.mean[index]) or losses[task]
                self.mean[index] = self.momentum * old + (1 - self.momentum) * losses[task]

"""Dynamic task prioritisation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class DTP(Balancer):
    """Give more weight to tasks that do badly: w_t = −(1 − k_t)^γ log k_t.

    Guo et al., ECCV 2018, eq. 5. k_t in (0, 1] is a key performance indicator. Theirs is a training metric
    such as accuracy; here it is exp(−L̄_t) with L̄_t the moving average of the loss, which for a cross entropy
    is the geometric mean of the probabilities given to the right class.

    Args:
        tasks: names of the experiment's tasks.
        gamma: γ.
        decay: of the moving average, per step.
    """

    static = True

    def __init__(self, tasks: Sequence[str], gamma: float = 1.0, decay: float = 0.9) -> None:
        super().__init__(tasks)
        self.gamma, self.decay = gamma, decay
        self.average: Tensor
        self.register_buffer("average", torch.full((len(self.tasks),), math.nan, dtype=torch.float64))

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return w_t, 1 before a task's first step."""
        found = (1 - (-self.average).exp()) ** self.gamma * self.average  # −log k is the average itself
        found = found.where(~found.isnan(), 1.0)
        return {task: found[self.tasks.index(task)].to(loss) for task, loss in losses.items()}

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Update the indicators."""
        for task, loss in losses.items():
            known = self.average[self.tasks.index(task)]
            fresh = torch.tensor(max(loss, 0.0), dtype=torch.float64)
            known.copy_(fresh if known.isnan() else self.decay * known + (1 - self.decay) * fresh)

"""Coefficient-of-variation weighting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class CoV(Balancer):
    """Weight each task by how much the ratio of its loss to its own running mean varies.

    Groenendijk et al., WACV 2021, eqs. 3 to 7: l_t = L_t / μ_{L_t}, the running mean of the losses before
    this one, and w_t ∝ c_t = σ_{l_t} / μ_{l_t}, running standard deviation by mean, Σ_t w_t = 1 over the
    active tasks. Statistics run over all steps (Welford), or forget with `decay`. Alike in a task's first two
    steps.

    Args:
        tasks: names of the experiment's tasks.
        decay: share of the past that every step keeps; None keeps all, as the paper.
    """

    static = True

    def __init__(self, tasks: Sequence[str], decay: float | None = None) -> None:
        super().__init__(tasks)
        self.decay = decay
        for name in ("steps", "mean_loss", "mean_ratio", "variance"):
            self.register_buffer(name, torch.zeros(len(self.tasks), dtype=torch.float64))

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return w_t."""
        at = torch.tensor([self.tasks.index(task) for task in losses])
        spread = self.variance[at].sqrt() / self.mean_ratio[at]
        if (self.steps[at] < 2).any() or not spread.sum() > 0:
            spread = torch.ones_like(spread)
        weights = spread / spread.sum()
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Take the ratio of each loss to the mean of those before it into the statistics."""
        for task, loss in losses.items():
            t = self.tasks.index(task)
            ratio = loss / self.mean_loss[t] if self.steps[t] and self.mean_loss[t] > 0 else 1.0
            self.steps[t] += 1
            keep = 1 - 1 / self.steps[t] if self.decay is None or self.steps[t] == 1 else self.decay
            apart = ratio - self.mean_ratio[t]
            self.mean_loss[t] = keep * self.mean_loss[t] + (1 - keep) * loss
            self.mean_ratio[t] = self.mean_ratio[t] + (1 - keep) * apart
            self.variance[t] = keep * (self.variance[t] + (1 - keep) * apart**2)

"""Achievement-based weighting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class Achievement(Balancer):
    """Weight tasks by how far they are from what a single-task model achieves, under a geometric mean.

    Yun and Cho, ICCV 2023: the total is the weighted geometric mean Π_t L_t^{v_t}, with v_t ∝ (1 − a_t)^γ and
    a_t the task's achievement. Theirs compares validation accuracies with those of single-task models; here
    a_t = min(1, S_t / L̄_t), training losses with those in `single`, as nothing of the evaluation split may be
    seen. Its gradient is Σ_t w_t ∇log L_t with w_t = K v_t, up to the scale of the mean itself.

    Args:
        tasks: names of the experiment's tasks.
        single: task -> the mean training loss S_t of the last epoch of its single-task run.
        focus: γ.
        eps: added to losses before the logarithm.
    """

    def __init__(
        self, tasks: Sequence[str], single: Mapping[str, float], focus: float = 1.0, eps: float = 1e-8
    ) -> None:
        super().__init__(tasks)
        self.single = torch.tensor([single[task] for task in self.tasks], dtype=torch.float64)
        self.focus, self.eps = focus, eps
        self.last: Tensor
        self.register_buffer("last", torch.full((len(self.tasks),), math.nan, dtype=torch.float64))

    def transform(self, loss: Tensor) -> Tensor:
        """Return log(L + ε)."""
        return torch.log(loss + self.eps)

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return K v_t; alike before the first epoch is over, or where all tasks have achieved everything."""
        at = torch.tensor([self.tasks.index(task) for task in losses])
        achieved = (self.single[at] / self.last[at]).clamp(max=1.0)
        gap = (1 - achieved) ** self.focus
        usable = not gap.isnan().any() and gap.sum() > 0
        weights = len(gap) * gap / gap.sum() if usable else torch.ones_like(gap)
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Compare the epoch just finished with the single-task runs."""
        for task, loss in losses.items():
            self.last[self.tasks.index(task)] = loss

"""GradNorm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class GradNorm(GradientBalancer):
    """Learn weights under which tasks that have learned less have the larger gradients.

    Chen et al., ICML 2018, eqs. 1 and 2: w descends Σ_t | w_t ‖g_t‖ − n̄ r_t^α | with targets held fixed,
    where n̄ is the mean of w_t ‖g_t‖ and r_t = (L_t / L_t(0)) / mean_t (L_t / L_t(0)); after each step the
    weights of the active tasks are scaled to their former sum. The step itself takes the weights from before.
    Norms are taken on the last blocks, as the paper's are on the last shared layer.

    Args:
        tasks: names of the experiment's tasks.
        asymmetry: α.
        lr: of Adam on w (β = 0.9, 0.999).
        options: those of every `GradientBalancer`.
    """

    compares = "last-blocks"
    custom = "task"

    def __init__(
        self, tasks: Sequence[str], asymmetry: float = 1.5, lr: float = 0.025, **options: Any
    ) -> None:
        super().__init__(tasks, **options)
        self.asymmetry, self.lr = asymmetry, lr
        for name, value in {
            "weight": 1.0,
            "first": math.nan,
            "mean": 0.0,
            "square": 0.0,
            "seen": 0.0,
        }.items():
            self.register_buffer(name, torch.full((len(self.tasks),), value, dtype=torch.float64))

    def combine(self, step: Gradients) -> Tensor:
        """Return w (K,), and learn for the next step."""
        at = torch.tensor([self.tasks.index(task) for task in step.tasks])
        self.first[at] = self.first[at].where(~self.first[at].isnan(), step.losses)
        weight, norms = self.weight[at], step.gram.diagonal().sqrt()
        rate = step.losses / self.first[at]
        target = (weight * norms).mean() * (rate / rate.mean()) ** self.asymmetry
        slope = (weight * norms - target).sign() * norms
        learned = (weight - self._adam(at, slope)).clamp(min=1e-6)
        self.weight[at] = learned * (weight.sum() / learned.sum())
        return weight

    def _adam(self, at: Tensor, slope: Tensor) -> Tensor:
        self.seen[at] += 1
        self.mean[at] = 0.9 * self.mean[at] + 0.1 * slope
        self.square[at] = 0.999 * self.square[at] + 0.001 * slope**2
        mean = self.mean[at] / (1 - 0.9 ** self.seen[at])
        square = self.square[at] / (1 - 0.999 ** self.seen[at])
        return self.lr * mean / (square.sqrt() + torch.finfo(torch.float64).tiny)

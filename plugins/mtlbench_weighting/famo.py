"""Fast adaptive multi-task optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class FAMO(Balancer):
    """Let every loss fall at the same rate, by weights learned from how losses change with each step.

    Liu et al., NeurIPS 2023, algorithm 1: the update follows c Σ_t z_t log L_t with z = softmax(ξ) and
    c = (Σ_t z_t / L_t)⁻¹, that is Σ_t c z_t / L_t ∇L_t. Then ξ descends Jᵀ δ, where J is the Jacobian of the
    softmax and δ_t = log L_t(before) − log L_t(after the step), on the same batch: one more forward pass.

    Args:
        tasks: names of the experiment's tasks.
        lr: of Adam on ξ.
        decay: weight decay of ξ, γ in the paper.
        eps: added to losses before the logarithm.
    """

    looks_again = True

    def __init__(
        self, tasks: Sequence[str], lr: float = 0.025, decay: float = 1e-3, eps: float = 1e-8
    ) -> None:
        super().__init__(tasks)
        self.lr, self.decay, self.eps = lr, decay, eps
        for name in ("logit", "mean", "square", "seen"):
            self.register_buffer(name, torch.zeros(len(self.tasks), dtype=torch.float64))
        self._before: dict[str, float] = {}

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return c z_t / L_t, which add up to 1."""
        at = torch.tensor([self.tasks.index(task) for task in losses])
        self._before = {task: float(loss) for task, loss in losses.items()}
        values = torch.tensor(list(self._before.values()), dtype=torch.float64) + self.eps
        shares = self.logit[at].softmax(0) / values
        weights = shares / shares.sum()
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}

    def after_update(self, losses: Mapping[str, float]) -> None:
        """Learn ξ from what the step did to the losses of its own batch."""
        tasks = [task for task in self._before if task in losses]
        if not tasks:
            return
        at = torch.tensor([self.tasks.index(task) for task in tasks])
        before, after = (
            torch.tensor([values[task] for task in tasks], dtype=torch.float64) + self.eps
            for values in (self._before, losses)
        )
        share = self.logit[at].softmax(0)
        change = before.log() - after.log()
        slope = share * (change - share @ change) + self.decay * self.logit[at]
        self.seen[at] += 1
        self.mean[at] = 0.9 * self.mean[at] + 0.1 * slope
        self.square[at] = 0.999 * self.square[at] + 0.001 * slope**2
        mean = self.mean[at] / (1 - 0.9 ** self.seen[at])
        square = self.square[at] / (1 - 0.999 ** self.seen[at])
        self.logit[at] = self.logit[at] - self.lr * mean / (square.sqrt() + 1e-8)

"""Smooth Tchebycheff scalarisation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class STCH(Balancer):
    """Minimise a smooth maximum of the losses, each compared with where it was after a few epochs.

    Lin et al., ICML 2024, eq. 6, as in LibMTL: for `warmup` epochs Σ_t log L_t, then
    K μ log Σ_t exp(log(L_t / nadir_t) / μ), where nadir_t is the mean loss of the last warm-up epoch. Its
    gradient is Σ_t w_t ∇log L_t with w = K softmax_t(log(L_t / nadir_t) / μ).

    Args:
        tasks: names of the experiment's tasks.
        mu: μ; the smaller, the nearer to the maximum.
        warmup: epochs before the nadir is known.
        eps: added to losses before the logarithm.
    """

    def __init__(self, tasks: Sequence[str], mu: float = 1.0, warmup: int = 1, eps: float = 1e-20) -> None:
        super().__init__(tasks)
        self.mu, self.warmup, self.eps = mu, warmup, eps
        self.nadir: Tensor
        self.register_buffer("nadir", torch.full((len(self.tasks),), math.nan, dtype=torch.float64))
        self.register_buffer("epochs", torch.tensor(0))

    def transform(self, loss: Tensor) -> Tensor:
        """Return log(L + ε)."""
        return torch.log(loss + self.eps)

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return w_t; 1 while any active task has no nadir."""
        nadir = self.nadir[[self.tasks.index(task) for task in losses]]
        values = torch.stack([loss.double().cpu() for loss in losses.values()])
        weights = len(values) * ((values - (nadir + self.eps).log()) / self.mu).softmax(0)
        weights = torch.ones_like(weights) if nadir.isnan().any() else weights
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Take the nadir at the end of the warm-up, or in a task's first epoch after it."""
        self.epochs += 1
        for task, loss in losses.items():
            t = self.tasks.index(task)
            if int(self.epochs) >= self.warmup and self.nadir[t].isnan():
                self.nadir[t] = loss

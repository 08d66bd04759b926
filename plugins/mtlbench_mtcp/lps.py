"""The loss prioritisation scheme of MT-CP."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer

#: of the run in progress; silent on all processes but the first
log = logging.getLogger("mtlbench.run")


class LPS(Balancer):
    """Bring losses to a common scale, and give more weight to those that fall more slowly than their sum.

    Fontana, Spratling and Shi, WACV 2025. With L'_t = log(L_t + 1 + ε), its mean L̄_t(e) over the steps of
    epoch e, and S(e) = Σ_t L̄_t(e), the total is Σ_t w_t L'_t, where w_t = 1 in epoch 0, and after it

        epoch 0:  w_t = S(0) / L̄_t(0)
        epoch e:  w_t = m + k (r_t − m),   r_t = (L̄_t(e) / L̄_t(e−1)) / (S(e) / S(e−1)),   m = mean_t r_t

    A weight may become negative, which is logged. After an epoch in which only some tasks had a loss, those
    of them that had one before share the rule, each compared with the last epoch in which it had; every other
    task keeps its weight.

    Args:
        tasks: names of the experiment's tasks.
        spread: k, how strongly tasks are told apart; 0 weights all alike.
        eps: ε, which keeps L' of a perfect prediction above 0.
        min_weight: raises smaller weights to this; None leaves them.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        spread: float = 7.5,
        eps: float = 1e-6,
        min_weight: float | None = None,
    ) -> None:
        super().__init__(tasks)
        self.spread = spread
        self.eps = eps
        self.min_weight = min_weight
        self.epoch = 0
        self.weight = dict.fromkeys(self.tasks, 1.0)
        self.last: dict[str, float] = {}
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def transform(self, loss: Tensor) -> Tensor:
        """Return log(L + 1 + ε)."""
        return torch.log1p(loss + self.eps)

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights that the last epoch led to."""
        return {task: torch.full_like(loss, self.weight[task]) for task, loss in losses.items()}

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Gather scaled losses: the mean of a logarithm is not that of the mean."""
        for task, loss in losses.items():
            self.sums[task] = self.sums.get(task, 0.0) + math.log1p(loss + self.eps)
            self.counts[task] = self.counts.get(task, 0) + 1

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Weight the next epoch by this one."""
        means = {task: self.sums[task] / self.counts[task] for task in self.sums}
        self.sums, self.counts = {}, {}
        self.weight |= self._prioritise(means) if self.last else _equalise(means)
        if self.min_weight is not None:
            self.weight = {task: max(weight, self.min_weight) for task, weight in self.weight.items()}
        self.last |= means
        negative = [f"{task} by {weight:.3g}" for task, weight in self.weight.items() if weight < 0]
        if negative:
            log.warning(
                "After epoch %d the balancer lps weights the loss of %s: training will raise what has a "
                "negative weight. Set its option min_weight, to 0 for example, if that is not wanted.",
                self.epoch,
                ", ".join(negative),
            )
        self.epoch += 1

    def _prioritise(self, means: Mapping[str, float]) -> dict[str, float]:
        both = [task for task in means if task in self.last]
        if not both:
            return {}
        total = sum(means[task] for task in both) / sum(self.last[task] for task in both)
        rates = {task: means[task] / self.last[task] / total for task in both}
        mean = sum(rates.values()) / len(rates)
        return {task: mean + self.spread * (rate - mean) for task, rate in rates.items()}

    def get_extra_state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep, by task name."""
        return {name: getattr(self, name) for name in ("epoch", "weight", "last", "sums", "counts")}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name, value in state.items():
            setattr(self, name, copy.copy(value))


def _equalise(means: Mapping[str, float]) -> dict[str, float]:
    total = sum(means.values())
    return {task: total / mean for task, mean in means.items()}

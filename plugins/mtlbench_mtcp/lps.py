"""The loss prioritisation scheme of MT-CP."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence

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
        # by task; `last` is the mean of the last epoch in which the task had a loss, NaN before that
        for name, value in {"weight": 1.0, "last": math.nan, "total": 0.0, "steps": 0.0}.items():
            self.register_buffer(name, torch.full((len(self.tasks),), value, dtype=torch.float64))
        self.register_buffer("epoch", torch.tensor(0))  # how many are over

    def transform(self, loss: Tensor) -> Tensor:
        """Return log(L + 1 + ε)."""
        return torch.log1p(loss + self.eps)

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights that the last epoch led to."""
        return {task: self.weight[self.tasks.index(task)].to(loss) for task, loss in losses.items()}

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Gather scaled losses: the mean of a logarithm is not that of the mean."""
        for task, loss in losses.items():
            self.total[self.tasks.index(task)] += math.log1p(loss + self.eps)
            self.steps[self.tasks.index(task)] += 1

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Weight the next epoch by this one."""
        now = self.total / self.steps  # NaN for a task without a loss
        here = ~now.isnan()
        both = here & ~self.last.isnan()
        if self.last.isnan().all():
            self.weight[here] = now[here].sum() / now[here]
        else:
            rate = now[both] / self.last[both] * self.last[both].sum() / now[both].sum()
            self.weight[both] = rate.mean() + self.spread * (rate - rate.mean())
        if self.min_weight is not None:
            self.weight.clamp_(min=self.min_weight)
        self.last[here] = now[here]
        self.total.zero_()
        self.steps.zero_()
        self.epoch += 1
        self._warn()

    def _warn(self) -> None:
        weights = zip(self.tasks, self.weight.tolist(), strict=True)
        negative = [f"{task} by {weight:.3g}" for task, weight in weights if weight < 0]
        if negative:
            log.warning(
                "In epoch %d, counted from 1, the balancer lps weights the loss of %s: training raises what "
                "has a negative weight. Set its option min_weight, to 0 for example, if that is not wanted.",
                self.epoch + 1,
                ", ".join(negative),
            )

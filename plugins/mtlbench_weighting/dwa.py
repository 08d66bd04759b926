"""Dynamic weight average."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class DWA(Balancer):
    """Give more weight to the losses that fell less from the last epoch but one to the last.

    Liu, Johns and Davison, CVPR 2019, eq. 7: w_t = T softmax_t(r_t / temperature), r_t = L̄_t(e−1) / L̄_t(e−2)
    in epoch e, where L̄_t(e) is the mean loss of epoch e; w_t = 1 in the first two epochs. After an epoch in
    which only some tasks had a loss, those of them that had one before share the rule, each compared with the
    last epoch in which it had, and T is their number; every other task keeps its weight.

    Args:
        tasks: names of the experiment's tasks.
        temperature: the larger, the more alike the weights.
    """

    static = True

    def __init__(self, tasks: Sequence[str], temperature: float = 2.0) -> None:
        super().__init__(tasks)
        self.temperature = temperature
        self.register_buffer("weight", torch.ones(len(self.tasks), dtype=torch.float64))
        # the mean of the last epoch in which the task had a loss, NaN before that
        self.register_buffer("last", torch.full((len(self.tasks),), math.nan, dtype=torch.float64))

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights that the last two epochs led to."""
        return {task: self.weight[self.tasks.index(task)].to(loss) for task, loss in losses.items()}

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Weight the next epoch by this one and the one before; a mean loss of 0 counts as none."""
        now = self.last.new_tensor([losses.get(task) or math.nan for task in self.tasks])
        rate = now / self.last
        both = ~rate.isnan()
        self.weight[both] = both.sum() * (rate[both] / self.temperature).softmax(0)
        self.last[~now.isnan()] = now[~now.isnan()]

"""Dynamic weight average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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

    def __init__(self, tasks: Sequence[str], temperature: float = 2.0) -> None:
        super().__init__(tasks)
        self.temperature = temperature
        self.weight = dict.fromkeys(self.tasks, 1.0)
        self.last: dict[str, float] = {}

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights that the last two epochs led to."""
        return {task: torch.full_like(loss, self.weight[task]) for task, loss in losses.items()}

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Weight the next epoch by this one and the one before; a mean loss of 0 counts as none."""
        means = {task: mean for task, mean in losses.items() if mean > 0}
        both = [task for task in means if task in self.last]
        rates = torch.tensor([means[task] / self.last[task] for task in both], dtype=torch.float64)
        shares = (rates / self.temperature).softmax(0).tolist()
        self.weight |= {task: len(both) * share for task, share in zip(both, shares, strict=True)}
        self.last |= means

    def get_extra_state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep, by task name."""
        return {"weight": self.weight, "last": self.last}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.weight, self.last = dict(state["weight"]), dict(state["last"])

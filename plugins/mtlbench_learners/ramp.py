"""What the learners share: a weight, its warm-up, and a zero that keeps every process's graph the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.learner import Learner
from mtlbench.contracts.task import Task


class Ramped(Learner):
    """Weigh the extra losses, from 0 on at first.

    Args:
        weight: of the extra losses.
        ramp: share of the run's steps over which the weight rises linearly from 0; 0 for none.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        channels: Sequence[int],
        weight: float = 1.0,
        ramp: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(tasks, channels, **options)
        self.weight = weight
        self.ramp = ramp
        self.rise = 1.0

    def before_step(self, step: int, steps: int) -> None:
        """Let the weight rise to its part of step `step` of `steps`."""
        self.rise = min(1.0, step / (self.ramp * steps)) if self.ramp else 1.0

    def weighted(self, loss: Tensor) -> Tensor:
        """Return a loss times the present weight."""
        return self.weight * self.rise * loss


def anchor(tensors: Iterable[Tensor]) -> Tensor:
    """Return 0, as a loss whose graph reaches every tensor.

    Images of other processes may have other labels missing; gradients, and the sums over processes that
    batch norms take in the backward pass, must be the same ones on all.
    """
    return 0.0 * torch.stack([tensor.sum().float() for tensor in tensors]).sum()

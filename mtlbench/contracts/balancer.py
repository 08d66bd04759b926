"""The balancer contract: task losses in, one update out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Balancer(nn.Module, ABC):
    """Weight the losses of the active tasks of a step.

    Constructed as `Balancer(tasks=(name, ...), **options of the config)`. The engine forms
    sum_t w_t · f(L_t) + penalty over the active tasks: those with at least one valid pixel anywhere in the
    (global) batch. An inactive task appears in no argument and keeps its state. Parameters of a balancer
    train with the optimiser; buffers are kept in checkpoints.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    def transform(self, loss: Tensor) -> Tensor:
        """Map one loss elementwise and differentiably, e.g. to its logarithm."""
        return loss

    @abstractmethod
    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one weight per active task; may depend on own parameters.

        `losses` are detached, after `transform`.
        """

    def penalty(self, active: Sequence[str]) -> Tensor:
        """Return what the active tasks add to the total beside the weighted losses."""
        return torch.zeros(())

    def after_step(self, losses: Mapping[str, float]) -> None:
        """See the losses (averaged over processes) of the step just taken."""

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """See the mean losses of the epoch just finished."""

"""The balancer contract: task losses in, one update out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from mtlbench.errors import MtlbenchError


class Balancer(nn.Module, ABC):
    """Weight the losses of the active tasks of a step.

    Constructed as `Balancer(tasks=(name, ...), **options of the config)`. The engine forms
    sum_t w_t · f(L_t) + penalty over the active tasks: those with at least one valid pixel anywhere in the
    (global) batch. An inactive task appears in no argument and keeps its state. Parameters of a balancer
    train with the optimiser; buffers are kept in checkpoints, and stay on the CPU in their own type, where
    losses and inner products are seen as numbers. A config may name several, as a list: losses
    pass all transforms in order, and the weights multiply; a `GradientBalancer` comes last.
    """

    #: neither weights nor transform depend on the losses of the present step; where they do, a step that is
    #: cut into parts (`schedule.accumulate`) takes a backward pass per task
    static: bool = False
    #: `after_update` is to be called, which takes one more forward pass per step
    looks_again: bool = False

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Balancer:
        """Move parameters, but no buffers."""
        buffers = dict(self._buffers)
        super()._apply(fn, recurse)
        self._buffers.update(buffers)
        return self

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

    def after_update(self, losses: Mapping[str, float]) -> None:
        """See the losses of the same batch under the parameters that the step led to."""

    def after_step(self, losses: Mapping[str, float]) -> None:
        """See the losses (averaged over processes) of the step just taken."""

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """See the mean losses of the epoch just finished."""


@dataclass(frozen=True)
class Gradients:
    """Show a gradient balancer one step: K active tasks, everything on their losses as weighted so far.

    With g_k the gradient of task k's (transformed, weighted) loss by the shared parameters of the scope:
    `gram` (K, K) is g_i · g_j in float64 on the CPU, `losses` (K,) the plain losses in float64, `jacobian`
    (K, P) the g_k themselves where the balancer needs them. `generator` is the same on all processes.
    """

    tasks: tuple[str, ...]
    gram: Tensor
    losses: Tensor
    generator: torch.Generator
    jacobian: Tensor | None = None


class GradientBalancer(Balancer):
    """Combine the gradients of the tasks on the parameters that two or more of them share.

    Constructed as every balancer; the options below are those of all of them. A parameter, or a slice of it
    along its first axis, that one task alone reaches is that task's own and not combined.

    Args:
        tasks: names of the experiment's tasks.
        scope: which shared parameters the tasks are compared on: `shared`, all of them; `last-blocks`, those
            in the last `blocks` blocks of the backbone; `representation`, the features between backbone and
            decoder, where there is one set for all tasks. All are moved alike.
        blocks: number of blocks of the scope `last-blocks`.
        heads: `unit` leaves the gradients of a task's own parameters as they are, `task` weights them like
            the task. None takes the method's own custom.
        every: steps between two combinations; in between, the last weights serve one weighted backward pass.
        normalise: scale the weights so that their sizes add up to K, as those of plain summing do.

    The last four are options of weights: where the direction needs the gradients themselves, they and `scope`
    keep their defaults.

    Raises:
        MtlbenchError: they don't.
    """

    #: `gram`: weights are a function of inner products; `jacobian`: the direction needs the gradients
    needs: Literal["gram", "jacobian"] = "gram"
    #: what `heads=None` stands for
    custom: Literal["unit", "task"] = "unit"
    #: what `scope=None` stands for
    compares: Literal["shared", "last-blocks", "representation"] = "shared"

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        scope: Literal["shared", "last-blocks", "representation"] | None = None,
        blocks: int = 2,
        heads: Literal["unit", "task"] | None = None,
        every: int = 1,
        normalise: bool = False,
    ) -> None:
        super().__init__(tasks)
        self.scope, self.blocks, self.heads = scope or self.compares, blocks, heads or self.custom
        self.every, self.normalise = every, normalise
        if self.needs == "jacobian" and (self.scope, self.heads, every, normalise) != (
            "shared",
            "unit",
            1,
            False,
        ):
            raise MtlbenchError(
                f"{type(self).__name__} makes a direction of the gradients, not weights: leave out its "
                "options scope, blocks, heads, every and normalise."
            )
        self.alpha: Tensor  # the weights of the last combination, NaN before a task's first one
        self.register_buffer("alpha", torch.full((len(self.tasks),), math.nan, dtype=torch.float64))
        self.age: Tensor  # steps so far
        self.register_buffer("age", torch.tensor(0))

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return 1 for every active task: losses are not weighted, gradients are."""
        return {task: torch.ones_like(loss) for task, loss in losses.items()}

    def prepare(self, parameters: int, device: torch.device | str = "cpu") -> None:
        """Make room for state by parameter (needs `jacobian`); P is the number of shared ones."""

    def select(self, index: Tensor) -> None:
        """Keep only these of the P columns of that state: an adapter cut parameters."""

    @abstractmethod
    def combine(self, step: Gradients) -> Tensor:
        """Return the weights of the active tasks' gradients (K,), or (needs `jacobian`) a direction (P,).

        The update is Σ_k alpha_k g_k, or the direction. Only called with K > 1.
        """

"""The adapter contract: a PEFT method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from mtlbench.contracts.backbone import Backbone


class Selection(NamedTuple):
    """Keep only `index` (1-d int64) along `dim` of `parameter`.

    The engine cuts the parameter, its gradient and the optimiser's state of it together; identity is kept.
    """

    parameter: nn.Parameter
    dim: int
    index: Tensor  # type: ignore[assignment]  # the field hides tuple.index


class Adapter(ABC):
    """Inject modules into a frozen backbone and say which of its own parameters still train.

    Constructed as `Adapter(tasks=(name, ...), **options of the config)`. `attach` is called once, with every
    parameter of the backbone frozen. Whatever it inserts trains; modules it inserts hold the frozen layer
    that they replace as a submodule and take and return stream tensors (S, B, ..., C). One that can become a
    plain layer once training is over, or a plainer one, has a method `deployed()` that returns it, equal in
    evaluation mode; what it returns has none.
    """

    #: roles of the backbone's own parameters that train too (`Backbone.parameter_role`); `("all",)`: each
    trains: Collection[str] = ()

    #: training batches on which batch norms are estimated anew before evaluation: for adapters whose training
    #: passes run another network than the one that is evaluated; 0 where both are one
    recalibration: int = 0

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = tuple(tasks)

    @abstractmethod
    def attach(self, backbone: Backbone) -> None:
        """Replace sites of `backbone` (`set_submodule`), and its `branch` where streams go on differently."""

    def penalty(self) -> Tensor | None:
        """Return a regulariser that is added to the total loss once per step, or None."""
        return None

    def before_step(self, seed: int) -> None:
        """Draw whatever is random in the next training forward from `seed` alone (equal on all processes)."""

    def after_backward(self) -> None:
        """Read the final gradients of one optimiser step (unscaled, reduced over processes, clipped)."""

    def after_epoch(self, epoch: int) -> list[Selection]:
        """Adapt the structure after epoch `epoch` (from 0); the engine applies the selections."""
        return []

    def structure(self) -> dict[str, Any]:
        """Return, as plain JSON, what `restore` needs to give every parameter its present shape."""
        return {}

    def restore(self, structure: dict[str, Any]) -> None:
        """Give parameters and buffers the shapes of a checkpoint, before its values are loaded."""

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> stream -> active rank; empty where the method has no ranks."""
        return {}

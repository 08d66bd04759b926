"""What all bottleneck adapters have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.sites import replace
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_bottleneck.bottleneck import After, Bottleneck, MakeFactor

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU}
#: place -> the linear layer that ends it, whose output goes to the residual sum
PLACES = {"attn": "proj", "mlp": "fc2"}
SHARING = ("per-task", "shared")


class BottleneckAdapter(Adapter):
    """Put a bottleneck after parts of every block, before the residual sum.

    With `sharing="per-task"` the streams fan out to those of the T tasks at the first place and stay apart;
    with `sharing="shared"` there is one.

    Args:
        tasks: names of the tasks.
        sharing: `per-task`, T independent sets of weights, or `shared`, one set for all tasks.
        places: `attn`, `mlp`, or both: after which parts of a block a bottleneck stands.
        reduction: ρ; a block of C channels gets a bottleneck of m = C / ρ, rounded up.
        norm: whether a layer norm stands before D.
        activation: φ, `gelu`, `relu` or `silu`.
        trains: roles of the backbone's own parameters that train too.
    """

    #: what divides m, which is rounded up to it
    multiple = 1

    def __init__(
        self,
        tasks: Sequence[str],
        sharing: str,
        places: Collection[str],
        reduction: int,
        norm: bool,
        activation: str,
        trains: Collection[str],
    ) -> None:
        super().__init__(tasks)
        require("sharing", sharing, SHARING)
        require("activation", activation, ACTIVATIONS)
        for place in places:
            require("place", place, PLACES)
        self.sets = len(self.tasks) if sharing == "per-task" else 1
        self.roles = tuple(PLACES[place] for place in places)
        self.reduction, self.norm, self.activation = reduction, norm, ACTIVATIONS[activation]
        self.trains = tuple(trains)

    @abstractmethod
    def factors(self) -> MakeFactor:
        """Return what makes the matrices of bottlenecks; called once per backbone."""

    def attach(self, backbone: Backbone) -> None:
        """Put a bottleneck after every chosen place."""
        make = self.factors()
        replace(backbone, self.roles, lambda layer, _: After(layer, self.bottleneck(make, layer)))

    def bottleneck(self, make: MakeFactor, like: nn.Linear) -> Bottleneck:
        """Return a bottleneck for the outputs of `like`, with its type and on its device."""
        width = like.out_features
        inner = math.ceil(width / (self.reduction * self.multiple)) * self.multiple
        made = Bottleneck(make, self.sets, width, inner, norm=self.norm, activation=self.activation())
        return made.to(like.weight)


def require(option: str, value: str, known: Iterable[str]) -> None:
    """Refuse a value that an option doesn't know.

    Raises:
        MtlbenchError: names what there is.
    """
    if value not in known:
        hint = did_you_mean(str(value), known)
        raise MtlbenchError(f"There is no {option} {value!r}: choose one of {', '.join(known)}.{hint}")

"""BitFit (Ben Zaken, Goldberg, Ravfogel, ACL 2022), and its part that trains tables of relative positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Attention, Backbone
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_bias.shift import MergeableShift, Shift

SHARING = ("per-task", "shared")


class RelativeBias(Adapter):
    """Train the tables of relative positions, one set per task or one for all.

    Args:
        tasks: names of the tasks.
        sharing: `per-task` or `shared`.
    """

    trains = ("rel_pos_bias",)

    def __init__(self, tasks: Sequence[str], sharing: str = "per-task") -> None:
        super().__init__(tasks)
        if sharing not in SHARING:
            hint = did_you_mean(str(sharing), SHARING)
            raise MtlbenchError(f"There is no sharing {sharing!r}: choose one of {', '.join(SHARING)}.{hint}")
        self.sets = len(self.tasks) if sharing == "per-task" else 1

    def attach(self, backbone: Backbone) -> None:
        """Give the tables of the backbone a stream per set.

        Raises:
            MtlbenchError: the backbone has none.
        """
        if not train_tables(backbone, self.sets):
            raise MtlbenchError(
                "relative-bias trains tables of relative positions and this backbone has none: take a Swin, "
                'or another adapter such as "bitfit".'
            )


class BitFit(RelativeBias):
    """Train every bias of the backbone, tables of relative positions among them, per task or shared.

    Args:
        tasks: names of the tasks.
        sharing: `per-task` or `shared`.
    """

    def attach(self, backbone: Backbone) -> None:
        """Shift what every layer with a bias puts out, and give tables a stream per set."""
        shift = Shift if self.sets > 1 else MergeableShift
        for path, layer in list(biased_layers(backbone)):
            backbone.set_submodule(path, shift(layer, self.sets))
        train_tables(backbone, self.sets)


def biased_layers(backbone: Backbone) -> Iterator[tuple[str, nn.Module]]:
    """Yield the path and the layer of every pretrained bias that is added to streams.

    Inside an attention these are the biases of `qkv` and `proj`; what else it holds may see tensors of
    another layout.
    """
    for path, module in backbone.named_modules():
        if isinstance(module, nn.Linear | nn.LayerNorm | nn.Conv2d) and module.bias is not None:
            parent = backbone.get_submodule(path.rpartition(".")[0])
            inside = isinstance(parent, Attention) and module not in (parent.qkv, parent.proj)
            if not inside and backbone.parameter_role(f"{path}.bias") != "pyramid":
                yield path, module


def train_tables(backbone: Backbone, sets: int) -> int:
    """Put `sets` copies in the place of every table of relative positions; return how many tables there are.

    A single set is the backbone's own.
    """
    names = [n for n, _ in backbone.named_parameters() if backbone.parameter_role(n) == "rel_pos_bias"]
    for name in names if sets > 1 else ():
        path, _, attribute = name.rpartition(".")
        table = backbone.get_parameter(name).detach()
        copies = nn.Parameter(table.repeat(sets, *[1] * table.ndim))
        setattr(backbone.get_submodule(path), attribute, copies)
    return len(names)

"""Cross-stitch networks (Misra et al., CVPR 2016) and NDDR-CNN (Gao et al., CVPR 2019)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.finished import UnusableRun, load_finished
from mtlbench.engine.sites import merge
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_soft_sharing.networks import fill, split
from mtlbench_soft_sharing.units import CrossStitchUnit, NDDRLayer


class SoftSharing(Adapter):
    """Give every task a backbone of its own, all of which trains, and join them after every stage.

    Args:
        tasks: names of the tasks.
        init: task -> finished run whose backbone its own starts from: its work dir, its record or its run id,
            below `root`. Tasks that are not named start from the pretrained backbone.
        root: folder of these runs; not part of what a record says of the config.
        alpha: share of a task's own features in what it is given at first; the others give the rest, evenly.

    Raises:
        MtlbenchError: `init` names an unknown task, or `alpha` is no share.
    """

    trains = ("all",)

    def __init__(
        self,
        tasks: Sequence[str],
        init: Mapping[str, str] | None = None,
        root: str = ".",
        alpha: float = 0.9,
    ) -> None:
        super().__init__(tasks)
        self.init, self.root, self.alpha = dict(init or {}), Path(root), alpha
        for task in self.init:
            if task not in self.tasks:
                raise MtlbenchError(
                    f"adapter.init names {task!r}, which is none of the tasks: {', '.join(self.tasks)}."
                    f"{did_you_mean(task, self.tasks)}"
                )
        if not 0 <= alpha <= 1:
            raise MtlbenchError(f"adapter.alpha is {alpha}; give a share from 0 to 1, such as 0.9.")

    @abstractmethod
    def unit(self, channels: int) -> nn.Module:
        """Return what joins streams (T, B, ..., C) into streams (T, B, ..., C)."""

    def attach(self, backbone: Backbone) -> None:
        """Replace every layer by one of T tasks, and join streams where a stage's last block ends.

        Raises:
            UnusableRun: a run of `init` is missing, or its backbone is another.
        """
        plain = {name: tensor.shape for name, tensor in backbone.state_dict().items()}
        names = split(backbone, len(self.tasks))
        shared = sorted(plain.keys() - names)
        if self.init and shared:
            raise UnusableRun(
                f"Tasks share parameters of this backbone ({shared[0]}), so that it cannot start from "
                "single-task runs; take a Swin, or leave out adapter.init."
            )
        for task, name in self.init.items():
            fill(backbone, self.tasks.index(task), self._start(task, name, plain))
        like = next(backbone.parameters())
        for site in backbone.sites():
            if site.role == "block" and site.last:
                block: Any = backbone.get_submodule(site.path)
                block.unit = self.unit(block.norm1.channels).to(like)
                block.register_forward_hook(_join)

    def _start(self, task: str, name: str, plain: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """Return the tensors of the backbone of the run `name`, which must have the shapes `plain`."""
        backbone = load_finished(name, self.root, task).backbone
        merge(backbone)
        state = backbone.state_dict()
        if {key: value.shape for key, value in state.items()} != plain:
            raise UnusableRun(
                f"The backbone of the run {name!r} is not the one of this config, or its adapter does not "
                "merge into it; name a run of the same backbone with the adapter 'full'."
            )
        return state


class CrossStitch(SoftSharing):
    """Mix the channels of all tasks' networks with trained matrices, see `CrossStitchUnit`.

    Args:
        tasks: names of the tasks.
        per_channel: a matrix for every channel, or one for all channels of a stage.
        options: those of `SoftSharing`.
    """

    def __init__(self, tasks: Sequence[str], per_channel: bool = True, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.per_channel = per_channel

    def unit(self, channels: int) -> nn.Module:
        """Return a unit for maps of that many channels."""
        return CrossStitchUnit(len(self.tasks), channels, self.alpha, self.per_channel)


class NDDRCNN(SoftSharing):
    """Join the channels of all tasks' networks by 1x1 convolutions, see `NDDRLayer`.

    Args:
        tasks: names of the tasks.
        relu: end with ReLU, as behind a CNN, whose maps hold nothing below zero.
        options: those of `SoftSharing`.
    """

    def __init__(self, tasks: Sequence[str], relu: bool = False, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.relu = relu

    def unit(self, channels: int) -> nn.Module:
        """Return a layer for maps of that many channels."""
        return NDDRLayer(len(self.tasks), channels, self.alpha, self.relu)


def _join(block: Any, _: Any, out: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
    x, tokens = out
    return block.unit(x), tokens

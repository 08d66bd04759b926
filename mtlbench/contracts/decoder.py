"""The decoder contract: (per-task) pyramids in, per-task maps out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass
class Decoded:
    """Hold raw outputs per task (B, C_t, h, w), and further supervised ones as (weight, outputs) pairs."""

    maps: dict[str, Tensor]
    auxiliary: tuple[tuple[float, dict[str, Tensor]], ...] = ()


class Decoder(nn.Module, ABC):
    """Turn four levels (S, B, C, h, w), S = T or 1 (shared by all tasks), into raw outputs per task.

    Constructed as
    `Decoder(tasks={name: output channels}, channels=(c1, c2, c3, c4), **options of the config)`. The outputs
    keep the decoder's own resolution; the engine resizes them bilinearly to the labels. Auxiliary outputs are
    left out while the decoder's own flag `training` is not set.
    """

    def __init__(self, tasks: Mapping[str, int], channels: Sequence[int]) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.channels = tuple(channels)

    @abstractmethod
    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels, finest first."""

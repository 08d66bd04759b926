"""Emit the weights of all tasks and of all locations of one shape at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mtlbench.engine.streams import batched_linear


class Part(NamedTuple):
    """Describe one emitted tensor: its shape, and the standard deviation of its elements at the start."""

    shape: tuple[int, ...]
    std: float


class Emission(nn.Module):
    """Map conditions v to weights, W v + b, for G locations with hyper-networks of their own or for all.

    `weight` (G, O, e) holds the hyper-networks, O numbers each, of which every part takes its share.

    Args:
        parts: name -> what is emitted; a part of std 0 is emitted as zero at the start, and with v of unit
            variance the others start at their std.
        embedding: e, size of v.
        locations: G; 1 where locations share one hyper-network.
        bias: whether there is a b (G, O); it starts from zero.
    """

    def __init__(
        self, parts: Mapping[str, Part], embedding: int, locations: int = 1, bias: bool = False
    ) -> None:
        super().__init__()
        self._shapes = {name: part.shape for name, part in parts.items()}
        sizes = [math.prod(shape) for shape in self._shapes.values()]
        self.weight = nn.Parameter(torch.empty(locations, sum(sizes), embedding))
        for section, part in zip(self.weight.split(sizes, 1), parts.values(), strict=True):
            nn.init.normal_(section, std=part.std * embedding**-0.5)
        self.bias = nn.Parameter(torch.zeros(locations * sum(sizes))) if bias else None

    def emit(self, v: Tensor) -> dict[str, Tensor]:
        """Emit, from v (L or 1, T, e), every part as (L or G, T, *shape)."""
        emitted = batched_linear(v, self.weight)
        if self.bias is not None:
            emitted = emitted + self.bias.view(len(self.weight), 1, -1)
        sizes = [math.prod(shape) for shape in self._shapes.values()]
        sections = zip(self._shapes.items(), emitted.split(sizes, -1), strict=True)
        return {name: section.unflatten(-1, shape) for (name, shape), section in sections}


class Once:
    """Compute once per forward pass what the locations of a group read in the order of execution.

    Args:
        compute: what yields the values.
        readers: locations of the group; the values are dropped after the last has read them.
    """

    def __init__(self, compute: Callable[[], dict[str, Tensor]], readers: int) -> None:
        self._compute, self._readers = compute, readers
        self._values: dict[str, Tensor] = {}

    def read(self, index: int) -> dict[str, Tensor]:
        """Return the values to location `index` of the group."""
        if index == 0:
            self._values = self._compute()
        values = self._values
        if index == self._readers - 1:
            self._values = {}
        return values


def per_task(vectors: Tensor, like: Tensor) -> Tensor:
    """View vectors (T, C) so that they broadcast against streams (S, B, ..., C)."""
    return vectors.view(len(vectors), *[1] * (like.ndim - 2), -1)

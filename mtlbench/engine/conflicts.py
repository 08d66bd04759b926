"""Gather how the gradients of tasks agree, block by block, and draw it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ALL = "all"


class Conflicts:
    """Keep the mean cosine of every pair of tasks' gradients by place: a block, or another part of the model.

    `state` holds place -> pair ("a|b") -> [sum of cosines, number of steps]; the place `all` is the whole
    that is compared.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self.places = tuple(places)
        self.state: dict[str, dict[str, list[float]]] = {}

    def add(self, tasks: Sequence[str], places: Sequence[str], grams: Tensor) -> None:
        """Take one step: inner products (places, K, K) of shared gradients."""
        grams = torch.cat([grams.sum(0, keepdim=True), grams])
        norms = grams.diagonal(dim1=1, dim2=2).sqrt()
        cosines = (grams / (norms[:, :, None] * norms[:, None])).tolist()
        for place, matrix in zip((ALL, *places), cosines, strict=True):
            for (i, a), (j, b) in itertools.combinations(enumerate(tasks), 2):
                if math.isfinite(matrix[i][j]):
                    pair = self.state.setdefault(place, {}).setdefault(f"{a}|{b}", [0.0, 0])
                    pair[0] += matrix[i][j]
                    pair[1] += 1

    def place(self, name: str) -> str:
        """Return the block that a parameter belongs to, or the first two parts of its name."""
        inside = next((place for place in self.places if name.startswith(place + ".")), None)
        return (inside or ".".join(name.split(".")[:2])).removeprefix("backbone.")

    def means(self) -> dict[str, dict[str, float]]:
        """Return place -> pair -> mean cosine, in the order of execution."""
        order = [ALL, *(place.removeprefix("backbone.") for place in self.places)]
        known = sorted(self.state, key=lambda place: order.index(place) if place in order else len(order))
        return {
            place: {pair: total / count for pair, (total, count) in self.state[place].items()}
            for place in known
        }


def draw_conflicts(means: dict[str, dict[str, float]], path: Path) -> None:
    """Write a heat map: a row per place, a column per pair of tasks, the mean cosine as colour."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    pairs = list(dict.fromkeys(pair for found in means.values() for pair in found))
    values = [[found.get(pair, float("nan")) for pair in pairs] for found in means.values()]
    size = (2.5 + 0.7 * len(pairs), 1.5 + 0.26 * len(means))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    picture: Any = axes.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(pairs)), [pair.replace("|", "\n") for pair in pairs], fontsize=7)
    axes.set_yticks(range(len(means)), list(means), fontsize=7)
    if len(pairs) * len(means) <= 600:
        for row, line in enumerate(values):
            for column, value in enumerate(line):
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6)
    figure.colorbar(picture, label="mean cosine of the tasks' gradients")
    axes.set_title("agreement of tasks")
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)

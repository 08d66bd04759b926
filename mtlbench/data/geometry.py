"""Mirror, cut and resize images and labels, passing over a label once however many moves there are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mtlbench.data.kinds import mirror, nearest_places, resize_smooth, zoom_values

Size = tuple[int, int]


@dataclass(frozen=True)
class Move:
    """Mirror left and right, cut `window` out, resize it to `size` (H, W), in this order; None leaves out.

    `zoom` is the factor by which things come nearer. A move without `size` only mirrors.
    """

    mirrored: bool = False
    window: tuple[slice, slice] | None = None
    size: Size | None = None
    zoom: float = 1.0


class Geometric(BaseTransform):
    """Move the image and its labels as `draw` says; views join neighbours of this class, see `move`."""

    @abstractmethod
    def draw(self, size: Size, rng: np.random.Generator) -> Move | None:
        """Return the move of an image of `size`, None for none; in evaluation there is no `rng`."""

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Move one sample."""
        return move(sample, [self])


def move(sample: dict[str, Any], transforms: Sequence[Geometric]) -> dict[str, Any]:
    """Apply transforms one after another, with the results that they have one by one.

    What is resampled smoothly goes through every move. Of nearest pixels only the places are followed, so
    that every label is looked up once; its values change afterwards, because a change of values does not
    depend on the place.
    """
    rng: Any = sample.get("rng")
    moves, size = [], sample["image"].shape[:2]
    for transform in transforms:
        drawn = transform.draw(size, rng)
        if drawn is not None:
            moves.append(drawn)
            size = drawn.size or size
    places = _follow(moves, sample["image"].shape[:2])
    labels, kinds = {}, sample["kinds"]
    for task, label in sample["labels"].items():
        smooth = kinds[task] == "image"
        moved = _resample(label, moves) if smooth else _look_up(label, moves, *places)
        labels[task] = _change(moved, moves, kinds[task])
    sample["image"], sample["labels"] = _resample(sample["image"], moves), labels
    return sample


def _resample(array: np.ndarray, moves: Sequence[Move]) -> np.ndarray:
    for one in moves:
        array = mirror(array) if one.mirrored else array
        array = array[one.window] if one.window else array
        array = resize_smooth(array, one.size) if one.size else array
    return array


def _follow(moves: Sequence[Move], size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return from which rows and columns of the original the pixels come."""
    rows, columns = np.arange(size[0]), np.arange(size[1])
    for one in moves:
        columns = columns[::-1] if one.mirrored else columns
        if one.window:
            rows, columns = rows[one.window[0]], columns[one.window[1]]
        if one.size:
            rows = rows[nearest_places(len(rows), one.size[0])]
            columns = columns[nearest_places(len(columns), one.size[1])]
    return rows, columns


def _look_up(label: np.ndarray, moves: Sequence[Move], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    if any(one.size for one in moves):
        return label.take(rows, 0).take(columns, 1)
    for _ in moves:  # without sizes they only mirror, which has a quicker way
        label = mirror(label)
    return label


def _change(label: np.ndarray, moves: Sequence[Move], kind: str) -> np.ndarray:
    for one in moves:
        if one.mirrored and kind == "vector":
            np.subtract(0.0, label[..., 0], out=label[..., 0])  # keeps the zero of void positive
        if one.zoom != 1:
            label = zoom_values(label, kind, one.zoom)
    return label

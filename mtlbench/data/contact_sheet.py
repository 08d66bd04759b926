"""Draw samples with their labels side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from mtlbench.contracts.task import Task

_GAP = 4  # pixels around each picture
_HEADER = 16


def contact_sheet(
    samples: Sequence[Mapping[str, Any]], tasks: Mapping[str, Task], width: int = 192
) -> Image.Image:
    """Return one row per sample: the image, then its label of every task; a missing label leaves a gap.

    Args:
        samples: as datasets and views yield them.
        tasks: name -> task, in the order of the columns.
        width: of one picture in pixels; heights follow.
    """
    height = max(round(width * s["image"].shape[0] / s["image"].shape[1]) for s in samples)
    columns = ["image", *tasks]
    sheet = Image.new("RGB", ((width + _GAP) * len(columns) + _GAP, (height + _GAP) * len(samples) + _HEADER))
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(columns):
        left = _GAP + column * (width + _GAP)
        pen.text((left, 2), name, fill="white")
        for row, sample in enumerate(samples):
            picture = _draw(sample, name, tasks)
            if picture is not None:
                size = (width, round(width * picture.shape[0] / picture.shape[1]))
                mode = Image.Resampling.BOX if name == "image" else Image.Resampling.NEAREST
                sheet.paste(
                    Image.fromarray(picture).resize(size, mode), (left, _HEADER + row * (height + _GAP))
                )
    return sheet


def _draw(sample: Mapping[str, Any], name: str, tasks: Mapping[str, Task]) -> np.ndarray | None:
    if name == "image":
        return sample["image"]
    label = sample["labels"].get(name)
    if label is None:
        return None
    return tasks[name].draw(label.transpose(2, 0, 1) if label.ndim == 3 else label)

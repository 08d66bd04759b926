"""Write rooms in the layout of MTAN's NYUv2."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from mtlbench.data.parallel import produce_all

from ..render import render_room
from ..scene import CLASSES

NYU13 = {"bed": 0, "ceiling": 2, "chair": 3, "floor": 4, "rug": 4, "cabinet": 5, "shelf": 5, "lamp": 6,
         "picture": 7, "sofa": 8, "table": 9, "wall": 11, "door": 11, "window": 12}  # fmt: skip
"""Number of our classes among the 13 of Handa et al., where doors are wall."""

_TO_NYU13 = np.array([NYU13[name] for name in CLASSES])


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write SPLIT/FOLDER/N.npy with N = 0, 1, ...

    image (H, W, 3) in 0 to 1, label (H, W) from -1 = void to 12, depth (H, W, 1) metres, normal (H, W, 3)
    unit vectors.
    """
    for split, number in rooms.items():
        for folder in ("image", "label", "depth", "normal"):
            (root / split / folder).mkdir(parents=True, exist_ok=True)
        for _ in produce_all(
            partial(_write_room, root=root, split=split, size=size), number, 2, f"mtan-nyuv2 {split}"
        ):
            pass


def _write_room(index: int, root: Path, split: str, size: tuple[int, int]) -> None:
    room = render_room(index, size, split)
    arrays = {
        "image": room["image"] / 255.0,
        "label": _TO_NYU13[room["semseg"]],
        "depth": room["depth"][..., None],
        "normal": room["normals"],
    }
    for folder, array in arrays.items():
        np.save(root / split / folder / f"{index}.npy", array)

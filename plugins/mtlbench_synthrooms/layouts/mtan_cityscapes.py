"""Write rooms in the layout of MTAN's Cityscapes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from mtlbench.data.parallel import produce_all

from ..render import render_room

INVERSE = 0.1
"""Inverse depth at one metre: rooms then fill the range of streets, below 0.5."""


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write SPLIT/FOLDER/N.npy with N = 0, 1, ...

    image (H, W, 3) in 0 to 1, label_7 and label_19 (H, W), depth (H, W, 1), which is inverse depth. Rooms
    have no streets: class k of ours stands for class k of the 19, and for k mod 7 of the 7.
    """
    for split, number in rooms.items():
        for folder in ("image", "label_7", "label_19", "depth"):
            (root / split / folder).mkdir(parents=True, exist_ok=True)
        write_one = partial(_write_room, root=root, split=split, size=size)
        for _ in produce_all(write_one, number, 2, f"mtan-cityscapes {split}"):
            pass


def _write_room(index: int, root: Path, split: str, size: tuple[int, int]) -> None:
    room = render_room(index, size, split)
    arrays = {
        "image": room["image"] / 255.0,
        "label_7": room["semseg"].astype(np.int64) % 7,
        "label_19": room["semseg"].astype(np.int64),
        "depth": np.minimum(INVERSE / room["depth"], 0.5)[..., None],
    }
    for folder, array in arrays.items():
        np.save(root / split / folder / f"{index}.npy", array)

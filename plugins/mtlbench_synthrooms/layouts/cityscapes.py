"""Write rooms in the layout of Cityscapes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mtlbench.data.parallel import produce_all

from ..render import render_room

IDS = np.array([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33], np.uint8)
"""Ids of the scored classes; rooms have no streets, so class k of ours stands for the k-th of them."""
DISPARITY = 40.0
"""Pixels at one metre: rooms then fill the range of streets, below 128."""


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write TYPE/SPLIT/CITY/CITY_SEQUENCE_FRAME_TYPE.png, one city per split.

    leftImg8bit RGB, gtFine `_labelIds` uint8, disparity uint16: 256 d + 1.
    """
    for split, number in rooms.items():
        for folder in ("leftImg8bit", "gtFine", "disparity"):
            (root / folder / split / f"{split}rooms").mkdir(parents=True, exist_ok=True)
        write_one = partial(_write_room, root=root, split=split, size=size)
        for _ in produce_all(write_one, number, 2, f"cityscapes {split}"):
            pass


def _write_room(index: int, root: Path, split: str, size: tuple[int, int]) -> None:
    room = render_room(index, size, split)
    disparity = np.minimum(DISPARITY / room["depth"], 255)
    pictures = {
        "leftImg8bit": ("leftImg8bit", room["image"][..., ::-1]),
        "gtFine": ("gtFine_labelIds", IDS[room["semseg"]]),
        "disparity": ("disparity", np.rint(256 * disparity + 1).astype(np.uint16)),
    }
    for folder, (name, picture) in pictures.items():
        file = f"{split}rooms_{index:06d}_000019_{name}.png"
        cv2.imwrite(str(root / folder / split / f"{split}rooms" / file), picture)

"""Write rooms in the layout of NYUD-MT."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mtlbench.data.parallel import produce_all

from ..render import render_room
from ..scene import CLASSES

NYU40 = {"wall": 1, "floor": 2, "cabinet": 3, "bed": 4, "chair": 5, "sofa": 6, "table": 7, "door": 8,
         "window": 9, "picture": 11, "shelf": 15, "rug": 20, "ceiling": 22, "lamp": 35}  # fmt: skip
"""Number of our classes among the 40 of NYUDv2, where 0 is unlabelled and a rug is a `floor mat`."""

_TO_NYU40 = np.array([NYU40[name] for name in CLASSES], np.uint8)


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write the NYUD-MT layout as the release of the Multi-Task-Learning-PyTorch line has it.

    images/ID.jpg, segmentation/ID.png (0 = unlabelled, 1 to 40), depth/ID.npy (float32 metres),
    normals/ID.npy (float32 unit vectors), edge/ID.npy (uint8 0 or 1), gt_sets/{train,val}.txt. Ids are 0001,
    0002, ...
    """
    for folder in ("images", "segmentation", "depth", "normals", "edge", "gt_sets"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    first = 1
    for split, number in rooms.items():
        ids = [f"{first + index:04d}" for index in range(number)]
        write_one = partial(_write_room, root=root, ids=ids, split=split, size=size)
        for _ in produce_all(write_one, number, 2, f"nyud {split}"):
            pass
        (root / "gt_sets" / f"{split}.txt").write_text("".join(f"{name}\n" for name in ids))
        first += number


def _write_room(index: int, root: Path, ids: list[str], split: str, size: tuple[int, int]) -> None:
    room, name = render_room(index, size, split), ids[index]
    cv2.imwrite(str(root / f"images/{name}.jpg"), room["image"][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(str(root / f"segmentation/{name}.png"), _TO_NYU40[room["semseg"]])
    for task in ("depth", "normals", "edge"):
        np.save(root / f"{task}/{name}.npy", room[task])

"""Write rooms in the layout of PASCAL-MT.

Rooms have no people: chairs stand in for them. A chair is an object of class `person`, cut from top to bottom
into six bands that bear the names of parts, so that parts can be learnt from an image, mean nothing, and are
absent from the rooms without a chair.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import savemat

from mtlbench.data.parallel import produce_all

from ..render import render_room
from ..scene import CLASSES

CONTEXT = {"wall": 440, "floor": 158, "ceiling": 68, "door": 115, "window": 454, "picture": 287, "rug": 244,
           "table": 397, "chair": 284, "sofa": 368, "bed": 18, "cabinet": 46, "shelf": 349,
           "lamp": 232}  # fmt: skip
"""Number of our classes among the 459 of PASCAL-Context; a rug is a `mat`, on which normals are void."""
VOC = {"table": 11, "chair": 15, "sofa": 18}
"""Number among the 20 of PASCAL VOC; everything else is background."""
BANDS = ("head", "torso", "luarm", "llarm", "luleg", "llleg")
"""Parts of a chair, from top to bottom."""

_TO_CONTEXT = np.array([CONTEXT[name] for name in CLASSES], np.uint16)
_TO_VOC = np.array([VOC.get(name, 0) for name in CLASSES], np.uint8)
_CHAIR = CLASSES.index("chair")
_Y_DOWN = np.array((1, -1, 1), np.float32)  # as the published augmentation takes the release's y to point
_FOLDERS = ("JPEGImages", "semseg/VOC12", "semseg/pascal-context", "human_parts", "sal_distill",
            "normals_distill", "pascal-context/trainval", "ImageSets/Context")  # fmt: skip


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write the PASCAL-MT layout as the release of ASTMT and its successors has it.

    JPEGImages/ID.jpg; semseg/VOC12/ID.png for every other room, with void along boundaries, and
    semseg/pascal-context/ID.png for the rest; human_parts/ID.mat (PASCAL-Part's `anno`); sal_distill/ID.png
    (0 to 255); normals_distill/ID.png (v = 127.5 (n + 1)); pascal-context/trainval/ID.mat (`LabelMap`);
    ImageSets/Context/{train,val}.txt. Ids are 2008_000001, 2008_000002, ...
    """
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    first = 1
    for split, number in rooms.items():
        ids = [f"2008_{first + index:06d}" for index in range(number)]
        write_one = partial(_write_room, root=root, ids=ids, split=split, size=size)
        for _ in produce_all(write_one, number, 2, f"pascal {split}"):
            pass
        lines = "".join(f"{name}\n" for name in ids)
        (root / "ImageSets/Context" / f"{split}.txt").write_text(lines)
        first += number


def _write_room(index: int, root: Path, ids: list[str], split: str, size: tuple[int, int]) -> None:
    room, name = render_room(index, size, split), ids[index]
    cv2.imwrite(
        str(root / f"JPEGImages/{name}.jpg"), room["image"][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95]
    )
    semseg = _TO_VOC[room["semseg"]]
    if index % 2 == 0:
        semseg[room["edge"] > 0] = 255
    folder = ("VOC12", "pascal-context")[index % 2]
    cv2.imwrite(str(root / f"semseg/{folder}/{name}.png"), semseg)
    cv2.imwrite(str(root / f"sal_distill/{name}.png"), room["saliency"] * np.uint8(255))
    normals = np.rint((room["normals"] * _Y_DOWN + 1) * 127.5).astype(np.uint8)
    cv2.imwrite(str(root / f"normals_distill/{name}.png"), normals[..., ::-1])
    context = {"LabelMap": _TO_CONTEXT[room["semseg"]]}
    savemat(root / f"pascal-context/trainval/{name}.mat", context, do_compression=True)
    chairs = room["semseg"] == _CHAIR
    objects = [_person(chairs & (room["instance"] == one)) for one in np.unique(room["instance"][chairs])]
    anno = {"imname": name, "objects": _structs(objects, ("class", "class_ind", "mask", "parts"))}
    savemat(root / f"human_parts/{name}.mat", {"anno": anno}, do_compression=True)


def _person(mask: np.ndarray) -> dict[str, Any]:
    rows = np.arange(mask.shape[0])[:, None]
    top, bottom = np.flatnonzero(mask.any(1))[[0, -1]]
    band = (rows - top) * len(BANDS) // (bottom - top + 1)
    parts = [{"part_name": name, "mask": _bits(mask & (band == k))} for k, name in enumerate(BANDS)]
    return {
        "class": "person",
        "class_ind": np.uint8(15),
        "mask": _bits(mask),
        "parts": _structs(parts, ("part_name", "mask")),
    }


def _structs(items: list[dict[str, Any]], fields: tuple[str, ...]) -> np.ndarray:
    """Return MATLAB's row of structs, which has its fields even where it is empty."""
    row = np.empty((1, len(items)), [(field, object) for field in fields])
    for column, item in enumerate(items):
        for field in fields:
            row[0, column][field] = item[field]
    return row


def _bits(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8)

"""Write rooms in the layout of CelebA."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mtlbench.data.parallel import produce_all

from ..render import render_room
from ..scene import CLASSES

_NAMES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair "
    "Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup "
    "High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose "
    "Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat "
    "Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young"
)
ATTRIBUTES = _NAMES.split()
OBJECTS = tuple(name for name in CLASSES if name not in ("wall", "floor", "ceiling"))
PARTS = ("image", "left half", "right half", "lower half")


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write img_align_celeba/NUMBER.jpg, list_attr_celeba.txt and list_eval_partition.txt.

    A room has no beard. The k-th attribute says instead whether the (k mod 11)-th of `OBJECTS` can be seen in
    the (k div 11)-th of `PARTS`.
    """
    (root / "img_align_celeba").mkdir(parents=True, exist_ok=True)
    attributes, partition = [], []
    for code, (split, number) in enumerate(rooms.items()):
        write_one = partial(_write_room, root=root, split=split, size=size, first=len(partition) + 1)
        attributes += produce_all(write_one, number, 2, f"celeba {split}")
        partition += [f"{code}\n"] * number
    names = [f"{number:06d}.jpg" for number in range(1, len(partition) + 1)]
    lines = [f"{name} {line}" for name, line in zip(names, attributes, strict=True)]
    (root / "list_attr_celeba.txt").write_text(f"{len(names)}\n{' '.join(ATTRIBUTES)} \n" + "".join(lines))
    codes = [f"{name} {code}" for name, code in zip(names, partition, strict=True)]
    (root / "list_eval_partition.txt").write_text("".join(codes))


def _write_room(index: int, root: Path, split: str, size: tuple[int, int], first: int) -> str:
    room = render_room(index, size, split)
    path = root / f"img_align_celeba/{first + index:06d}.jpg"
    cv2.imwrite(str(path), room["image"][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    seen, (height, width) = room["semseg"], size
    parts = (seen, seen[:, : width // 2], seen[:, width // 2 :], seen[height // 2 :])
    has = [np.isin(CLASSES.index(name), part) for part in parts for name in OBJECTS]
    return " ".join("1".rjust(2) if value else "-1" for value in has[: len(ATTRIBUTES)]) + "\n"

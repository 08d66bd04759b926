"""Write rooms in the layout of Taskonomy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mtlbench.data.parallel import produce_all

from ..render import render_room
from ..scene import CLASSES

BUILDINGS = {"train": "hanson", "val": "darden"}
"""One building of the release per split stands for all its rooms."""
COCO = {"chair": 3, "sofa": 4, "bed": 6, "table": 7}
"""Numbers of our classes in `segment_semantic`; the others are background = 1."""

_TO_COCO = np.array([COCO.get(name, 1) for name in CLASSES], np.uint8)


def write(root: Path, rooms: Mapping[str, int], size: tuple[int, int]) -> None:
    """Write the layout that the release's tool leaves, with one view of one point per room.

    DOMAIN/taskonomy/BUILDING/point_P_view_0_domain_DOMAIN.png for rgb, segment_semantic, depth_zbuffer,
    depth_euclidean, normal, reshading, edge_texture, edge_occlusion and keypoints2d, and
    train_val_test_tiny.csv. Edges are slopes of the blurred picture or depth, keypoints are Harris corners.
    """
    for split, number in rooms.items():
        write_one = partial(_write_room, root=root, split=split, size=size)
        for _ in produce_all(write_one, number, 2, f"taskonomy {split}"):
            pass
    lines = [
        f"{building},{int(split == 'train')},{int(split == 'val')},0" for split, building in BUILDINGS.items()
    ]
    (root / "train_val_test_tiny.csv").write_text("\n".join(["id,train,val,test", *lines]) + "\n")


def _write_room(index: int, root: Path, split: str, size: tuple[int, int]) -> None:
    room = render_room(index, size, split)
    grey = cv2.GaussianBlur(cv2.cvtColor(room["image"], cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1)
    far = cv2.GaussianBlur(room["depth"], (0, 0), 1)
    domains = {
        "rgb": room["image"][..., ::-1],
        "segment_semantic": _TO_COCO[room["semseg"]],
        "depth_zbuffer": _levels(512 * room["depth"]),
        "depth_euclidean": _levels(512 * room["depth"] * _ray_lengths(room["intrinsics"], size)),
        "normal": np.rint((room["normals"] * (1, -1, -1) + 1) * 127.5).astype(np.uint8)[..., ::-1],
        "reshading": np.repeat(np.rint(255 * room["shading"]).astype(np.uint8)[..., None], 3, axis=2),
        "edge_texture": _levels(200 * _slope(grey)),
        "edge_occlusion": _levels(4000 * _slope(far)),
        "keypoints2d": _levels(0.5 * np.maximum(cv2.cornerHarris(grey, 3, 3, 0.04), 0) ** 0.5),
    }
    for domain, picture in domains.items():
        folder = root / domain / "taskonomy" / BUILDINGS[split]
        folder.mkdir(parents=True, exist_ok=True)
        suffix = domain.replace("segment_s", "segments")
        cv2.imwrite(str(folder / f"point_{index}_view_0_domain_{suffix}.png"), picture)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 65534)).astype(np.uint16)  # 65535 says that there is nothing


def _slope(values: np.ndarray) -> np.ndarray:
    vertical, horizontal = np.gradient(values)
    return np.hypot(vertical, horizontal)


def _ray_lengths(intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the length of each pixel's ray (H, W) where its depth is 1."""
    v, u = np.mgrid[: size[0], : size[1]]
    return np.sqrt(
        1
        + ((u - intrinsics[0, 2]) / intrinsics[0, 0]) ** 2
        + ((v - intrinsics[1, 2]) / intrinsics[1, 1]) ** 2
    )

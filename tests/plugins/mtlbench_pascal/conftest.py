"""A small release on disk, written without the reader's help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

SIZE = (12, 16)
IDS = ("2008_000002", "2008_000003", "2008_000007")
PALETTE = [value for colour in range(256) for value in (colour, 255 - colour, 7)]


def structs(fields: tuple[str, ...], rows: list[tuple]) -> np.ndarray:
    array = np.empty((1, len(rows)), [(field, object) for field in fields])
    for column, row in enumerate(rows):
        array[0, column] = row
    return array


def write_parts(path: Path, objects: list[tuple[str, int, dict[str, np.ndarray]]]) -> None:
    """Write PASCAL-Part's `anno` with objects (class, number, part -> mask)."""
    rows = []
    for name, number, parts in objects:
        mask = np.any([*parts.values(), np.zeros(SIZE, bool)], axis=0).astype(np.uint8)
        named = [(part, part_mask.astype(np.uint8)) for part, part_mask in parts.items()]
        # MATLAB stores no parts as an empty matrix of doubles
        listed = structs(("part_name", "mask"), named) if named else np.zeros((0, 0))
        rows.append((name, np.uint8(number), mask, listed))
    objects_array = structs(("class", "class_ind", "mask", "parts"), rows) if rows else np.zeros((0, 0))
    savemat(path, {"anno": {"imname": path.stem, "objects": objects_array}}, do_compression=True)


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write two photos for training and one for validation: people in the first, the second not in VOC."""
    root = tmp_path / "PASCAL_MT"
    for folder in ("JPEGImages", "ImageSets/Context", "pascal-context/trainval", "semseg/VOC12",
                   "semseg/pascal-context", "human_parts", "normals_distill", "sal_distill"):  # fmt: skip
        (root / folder).mkdir(parents=True)
    for seed, name in enumerate(IDS):
        rng = np.random.default_rng(seed)
        colour = np.broadcast_to(rng.integers(0, 256, (1, 1, 3), dtype=np.uint8), (*SIZE, 3))
        Image.fromarray(colour).save(root / f"JPEGImages/{name}.jpg", quality=95)
        # the same photo may be in both folders, and then they disagree
        number = {"VOC12": 5 + seed, "pascal-context": 15}
        for folder, value in number.items():
            if folder == "VOC12" and seed == 1:
                continue
            semseg = np.full(SIZE, value, np.uint8)
            semseg[0], semseg[1] = 255, 0
            picture = Image.fromarray(semseg)
            if folder == "VOC12":  # stored with a palette
                picture = Image.fromarray(semseg, "P")
                picture.putpalette(PALETTE)
            picture.save(root / f"semseg/{folder}/{name}.png")
        regions = np.full(SIZE, 440, np.uint16)  # wall
        regions[:, 8:] = 158  # floor
        regions[:4, :] = 360  # sky
        savemat(root / f"pascal-context/trainval/{name}.mat", {"LabelMap": regions}, do_compression=True)
        normals = rng.normal(size=(*SIZE, 3))
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
        stored = np.rint((normals + 1) * 127.5).astype(np.uint8)
        stored[5, 5] = (127, 128, 127)  # grey: no direction
        Image.fromarray(stored).save(root / f"normals_distill/{name}.png")
        ramp = np.broadcast_to(np.arange(120, 136, dtype=np.uint8), SIZE)
        Image.fromarray(np.ascontiguousarray(ramp)).save(root / f"sal_distill/{name}.png")
        people = [
            ("car", 7, {"wheel_1": box(0, 3, 0, 16)}),
            ("person", 15, {"hair": box(2, 4, 2, 6), "neck": box(4, 5, 2, 6), "lhand": box(5, 7, 2, 6)}),
            ("person", 15, {}),
            ("person", 15, {"rfoot": box(3, 6, 5, 9)}),
        ]
        write_parts(
            root / f"human_parts/{name}.mat", people if seed == 0 else people[:1] if seed == 1 else []
        )
    (root / "ImageSets/Context/train.txt").write_text("\n".join(IDS[:2]) + "\n")
    (root / "ImageSets/Context/val.txt").write_text(IDS[2] + "\n")
    return root

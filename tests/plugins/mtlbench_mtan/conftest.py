"""Small packages on disk, written without the reader's help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SIZE = (12, 16)


def make_arrays(seed: int, size: tuple[int, int] = SIZE) -> dict[str, np.ndarray]:
    """Return what the files of one number hold in both packages; the first row is void."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(*size, 3)).astype(np.float32)
    arrays = {
        "image": rng.integers(0, 256, (*size, 3)) / 255,
        "label": rng.integers(0, 13, size).astype(np.float64),
        "label_7": rng.integers(0, 7, size),
        "label_19": rng.integers(0, 19, size).astype(np.int16),
        "depth": rng.uniform(0.01, 0.5, (*size, 1)).astype(np.float32),
        "normal": normals / np.linalg.norm(normals, axis=2, keepdims=True),
    }
    for folder in ("label", "label_7", "label_19"):
        arrays[folder][0] = -1
    arrays["depth"][0] = arrays["normal"][0] = 0
    return arrays


def write_package(root: Path, folders: tuple[str, ...], train: int = 3, val: int = 2) -> Path:
    """Write the asked folders of both splits."""
    for split, number, first in (("train", train, 0), ("val", val, 100)):
        for index in range(number):
            arrays = make_arrays(first + index)
            for folder in folders:
                (root / split / folder).mkdir(parents=True, exist_ok=True)
                np.save(root / split / folder / f"{index}.npy", arrays[folder])
    return root


@pytest.fixture
def nyuv2(tmp_path: Path) -> Path:
    return write_package(tmp_path / "nyuv2", ("image", "label", "depth", "normal"))


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    return write_package(tmp_path / "cityscapes2", ("image", "label_7", "label_19", "depth"))


@pytest.fixture
def arrays():
    return make_arrays

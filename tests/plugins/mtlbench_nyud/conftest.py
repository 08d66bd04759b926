"""Small releases on disk, written without the reader's help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (12, 16)


def make_arrays(seed: int) -> dict[str, np.ndarray]:
    """Return what the files of one sample hold; the first row is void."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(*SIZE, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    arrays = {
        "images": np.broadcast_to(rng.integers(0, 256, (1, 1, 3), dtype=np.uint8), (*SIZE, 3)).copy(),
        "segmentation": rng.integers(1, 41, SIZE, dtype=np.uint8),
        "depth": rng.uniform(1, 9, SIZE).astype(np.float32),
        "normals": normals,
        "edge": rng.integers(0, 2, SIZE, dtype=np.uint8),
    }
    for folder in ("segmentation", "depth", "normals"):
        arrays[folder][0] = 0
    return arrays


def write_release(root: Path, name: str, train: int = 2, val: int = 1) -> Path:
    """Write the MTI or the InvPT release with random samples."""
    for index in range(train + val):
        for folder, array in make_arrays(index).items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            stem = root / folder / f"{index + 1:04d}"
            if folder == "images":
                suffix, options = (".jpg", {"quality": 95}) if name == "MTI" else (".png", {})
                Image.fromarray(array).save(stem.with_suffix(suffix), **options)
            elif folder == "segmentation":
                Image.fromarray(array).save(stem.with_suffix(".png"))
            elif folder == "depth" or name == "MTI":
                np.save(stem.with_suffix(".npy"), array)
            elif folder == "normals":
                Image.fromarray(np.rint((array + 1) * 127.5).astype(np.uint8)).save(stem.with_suffix(".png"))
            else:
                Image.fromarray(array * np.uint8(255)).save(stem.with_suffix(".png"))
    (root / "gt_sets").mkdir()
    ids = [f"{index + 1:04d}" for index in range(train + val)]
    (root / "gt_sets/train.txt").write_text("\n".join(ids[:train]) + "\n")
    (root / "gt_sets/val.txt").write_text("\n".join(ids[train:]) + "\n")
    return root


@pytest.fixture
def mti(tmp_path: Path) -> Path:
    return write_release(tmp_path / "NYUD_MT", "MTI")


@pytest.fixture
def invpt(tmp_path: Path) -> Path:
    return write_release(tmp_path / "NYUDv2", "InvPT")


@pytest.fixture
def arrays():
    return make_arrays

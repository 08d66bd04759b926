"""A small Cityscapes on disk, written without the reader's help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (12, 24)
NAMES = {
    "train": ("bochum_000000_000885", "aachen_000001_000019", "aachen_000000_000019"),
    "val": ("munster_000012_000019", "lindau_000003_000019"),
}


def make_arrays(name: str) -> dict[str, np.ndarray]:
    """Return what the files of one photo hold; the first row of labels is void."""
    rng = np.random.default_rng([*name.encode()])
    arrays = {
        "leftImg8bit": rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8),
        "gtFine_labelIds": rng.integers(0, 34, SIZE, dtype=np.uint8),
        "disparity": rng.integers(2, 32258, SIZE, dtype=np.uint16),
    }
    arrays["gtFine_labelIds"][0] = 3
    arrays["disparity"][0] = 0
    return arrays


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "cityscapes"
    for split, names in NAMES.items():
        for name in names:
            for kind, array in make_arrays(name).items():
                folder = place / kind.partition("_")[0] / split / name.partition("_")[0]
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / f"{name}_{kind}.png")
            (place / "gtFine" / split / name.partition("_")[0] / f"{name}_gtFine_polygons.json").touch()
    return place


@pytest.fixture
def arrays():
    return make_arrays

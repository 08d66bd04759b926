"""Small copies of Taskonomy on disk, written without the reader's help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (12, 12)
FOLDERS = (
    "rgb", "segment_semantic", "depth_zbuffer", "depth_euclidean", "normal", "edge_texture", "edge_occlusion",
    "keypoints2d", "keypoints3d", "principal_curvature", "reshading",
)  # fmt: skip
LAYOUTS: dict[str, Callable[[str, str, str], str]] = {
    "omnidata": lambda d, b, v: f"{d}/taskonomy/{b}/{v}_domain_{d.replace('segment_s', 'segments')}.png",
    "taskgrouping": lambda d, b, v: f"{d}/{b}/{v}.png",
    "xtconsistency": lambda d, b, v: f"{b}_{d}/{d}/{v}_domain_{d.replace('segment_s', 'segments')}.png",
    "archives": lambda d, b, v: f"{b}/{d}/{v}_domain_{d.replace('segment_s', 'segments')}.png",
    "vtm": lambda d, b, v: f"{d}/{b}_{v}_domain_{d.replace('segment_s', 'segments')}.png",
}
PHOTOS = {
    "hanson": ("point_2_view_0", "point_10_view_1", "point_10_view_11"),
    "merom": ("point_0_view_3",),
    "darden": ("point_7_view_7",),
    "ihlen": ("point_1_view_1",),
}
LIST = "id,train,val,test\rhanson,1,0,0\rmerom,1,0,0\rdarden,0,1,0\rihlen,0,0,1"


def make_arrays(seed: int) -> dict[str, np.ndarray]:
    """Return what the files of one photo hold; the mesh has a hole in the first row."""
    rng = np.random.default_rng(seed)
    arrays = {folder: rng.integers(0, 60000, SIZE, dtype=np.uint16) for folder in FOLDERS}
    arrays["rgb"] = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    arrays["segment_semantic"] = rng.integers(0, 18, SIZE, dtype=np.uint8)
    vectors = rng.normal(size=(*SIZE, 3))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    arrays["normal"] = np.rint((vectors + 1) * 127.5).astype(np.uint8)
    arrays["reshading"] = np.repeat(rng.integers(0, 256, (*SIZE, 1), dtype=np.uint8), 3, axis=2)
    arrays["principal_curvature"] = rng.integers(1, 255, (*SIZE, 3), dtype=np.uint8)
    arrays["principal_curvature"][..., 2] = 0
    for folder in ("depth_zbuffer", "depth_euclidean"):
        arrays[folder] = rng.integers(300, 5000, SIZE, dtype=np.uint16)
        arrays[folder][0] = 65535
    arrays["normal"][0], arrays["principal_curvature"][0], arrays["edge_occlusion"][0] = 128, 0, 0
    return arrays


def write_copy(root: Path, layout: str) -> Path:
    """Write a copy with the list of a tiny subset of four buildings."""
    number = 0
    for building, views in PHOTOS.items():
        for view in views:
            for folder, array in make_arrays(number).items():
                path = root / LAYOUTS[layout](folder, building, view)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
            number += 1
    (root / "train_val_test_tiny.csv").write_text(LIST, newline="")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_copy(tmp_path / "taskonomy", "omnidata")


@pytest.fixture
def arrays():
    return make_arrays


@pytest.fixture
def write():
    return write_copy


@pytest.fixture(params=LAYOUTS)
def layout(request) -> str:
    return request.param

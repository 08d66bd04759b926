"""Read single files of Taskonomy into the arrays of the dataset contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtlbench.data.check import vector_lengths
from mtlbench.data.errors import BadSample
from mtlbench.data.files import as_plane, read_picture

FIX = "fetch this building's archive of this domain again"
LEVELS_PER_METRE = 512
MISSING = 65535
"""What depth holds where the mesh has a hole."""


def read_image(path: Path) -> np.ndarray:
    """Read a photo as uint8 (H, W, 3) RGB."""
    return read_picture(path, "color", FIX)


def read_semseg(path: Path) -> np.ndarray:
    """Read classes as uint8 (H, W): 1 to 17 of the file become 0 to 16, its 0 = uncertain becomes 255."""
    return as_plane(read_picture(path, "unchanged", FIX), np.uint8, path, FIX) - np.uint8(1)  # 0 wraps around


def read_depth(path: Path) -> np.ndarray:
    """Read metres as float32 (H, W); 0 where the mesh has a hole."""
    levels = _read_levels(path)
    return np.where(levels == MISSING, 0, levels / LEVELS_PER_METRE)


def read_normals(path: Path) -> np.ndarray:
    """Read vectors as float32 (H, W, 3) of unit length, x right, y up, z to the camera; zero = void.

    Pictures hold v = 255 (n + 1) / 2 with x right, y down, z away from the camera, and grey (128) where the
    mesh has a hole. Vectors shorter than 0.5 are such grey, or a mixture with it in resized pictures.
    """
    stored = read_image(path) * np.float32(2 / 255) - 1
    vectors = stored * np.float32([1, -1, -1])
    length = vector_lengths(vectors)[..., None]
    vectors[(length < 0.5)[..., 0]] = 0
    return np.divide(vectors, length, out=vectors, where=length >= 0.5)


def read_heatmap(path: Path, brightest: int) -> np.ndarray:
    """Read 16-bit levels as float32 (H, W, 1) in [0, 1], where 1 is `brightest` and all above it."""
    return np.minimum(_read_levels(path) / brightest, 1)[..., None]


def read_reshading(path: Path) -> np.ndarray:
    """Read brightness as float32 (H, W, 1) in [0, 1]; the three channels of the picture are equal."""
    return read_image(path)[..., :1] / np.float32(255)


def read_curvature(path: Path) -> np.ndarray:
    """Read both principal curvatures as float32 (H, W, 2) in [0, 1].

    0 curvature is 127/255; NaN = void where the picture is black, which is where the mesh has a hole.
    """
    levels = read_image(path)[..., :2]
    return np.where(levels.any(-1, keepdims=True), levels / np.float32(255), np.float32(np.nan))


def _read_levels(path: Path) -> np.ndarray:
    levels = as_plane(read_picture(path, "unchanged", FIX), np.integer, path, FIX)
    if levels.dtype.itemsize < 2:
        raise BadSample(f"{path} holds {levels.dtype}, but the release has 16 bits here; {FIX}.")
    return levels.astype(np.float32)

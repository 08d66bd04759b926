"""Read single files of NYUD-MT into the arrays of the dataset contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtlbench.data.check import vector_lengths
from mtlbench.data.errors import BadSample
from mtlbench.data.files import read_array, read_picture, read_plane

_FETCH = "replace it with an intact copy (`mtlbench data get nyud`)"


def read_image(path: Path) -> np.ndarray:
    """Read a photo as uint8 (H, W, 3) RGB."""
    return read_picture(path, "color", _FETCH)


def read_semseg(path: Path) -> np.ndarray:
    """Read classes as uint8 (H, W): the file's 1 to 40 become 0 to 39, its 0 = unlabelled becomes 255."""
    return read_plane(path, np.uint8, _FETCH) - np.uint8(1)  # 0 wraps around to 255


def read_depth(path: Path) -> np.ndarray:
    """Read metres as float32 (H, W); 0 or less is void."""
    return read_plane(path, np.floating, _FETCH).astype(np.float32)


def read_normals(path: Path) -> np.ndarray:
    """Read vectors as float32 (H, W, 3) of unit length, or zero = void.

    Arrays hold them as they are, pictures as n = 2 v / 255 - 1. Lengths from 0.5 to 1.5 are normalised,
    because pictures round. Shorter vectors are void, or a mixture with it, and become void: pictures cannot
    hold an exact zero.
    """
    if path.suffix == ".npy":
        vectors = read_array(path, _FETCH)
        if not np.issubdtype(vectors.dtype, np.floating):
            raise BadSample(f"{path} holds {vectors.dtype} instead of float vectors; {_FETCH}.")
    else:
        vectors = read_picture(path, "color", _FETCH) * np.float32(2 / 255) - 1
    if vectors.ndim != 3 or vectors.shape[2] != 3:
        raise BadSample(f"{path} holds {vectors.dtype} {vectors.shape} instead of (H, W, 3); {_FETCH}.")
    vectors = vectors.astype(np.float32)
    length = vector_lengths(vectors)
    vectors[length < 0.5] = 0
    length[(length < 0.5) | (length >= 1.5)] = 1
    return np.divide(vectors, length[..., None], out=vectors)


def read_edge(path: Path) -> np.ndarray:
    """Read boundaries as uint8 (H, W) of 0 and 1; pictures hold 0 and 255."""
    if path.suffix == ".npy":
        return (read_plane(path, np.generic, _FETCH) > 0.5).astype(np.uint8)
    return (read_plane(path, np.uint8, _FETCH) > 127).astype(np.uint8)


READERS = {"semseg": read_semseg, "depth": read_depth, "normals": read_normals, "edge": read_edge}

"""Read single files of the MTAN packages into the arrays of the dataset contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtlbench.data.check import vector_lengths
from mtlbench.data.errors import BadSample
from mtlbench.data.files import read_array, read_plane


def read_image(path: Path, fix: str) -> np.ndarray:
    """Read an image of floats in [0, 1] as uint8 (H, W, 3) RGB, rounded to the nearest of 256 levels."""
    array = read_array(path, fix)
    if array.ndim != 3 or array.shape[2] != 3 or not np.issubdtype(array.dtype, np.floating):
        raise BadSample(f"{path} holds {array.dtype} {array.shape} instead of floating (H, W, 3); {fix}.")
    levels = np.rint(array * 255)
    if not (levels.min() >= 0 and levels.max() <= 255):  # so that NaN is refused too
        raise BadSample(f"{path} holds values from {array.min():g} to {array.max():g}, not 0 to 1; {fix}.")
    return levels.astype(np.uint8)


def read_classes(path: Path, fix: str, classes: int) -> np.ndarray:
    """Read classes as uint8 (H, W): the file's -1 = void becomes 255; floats must hold whole numbers."""
    plane = read_plane(path, np.number, fix)
    if (plane != np.rint(plane)).any():
        raise BadSample(f"{path} holds fractions or NaN instead of classes; {fix}.")
    low, high = int(plane.min()), int(plane.max())
    if low < -1 or high >= classes:
        raise BadSample(
            f"{path} holds class {low if low < -1 else high}, but classes are 0 to {classes - 1}, -1 = void; "
            f"if it is of another version of the package, {fix}."
        )
    return np.where(plane < 0, 255, plane).astype(np.uint8)


def read_depth(path: Path, fix: str) -> np.ndarray:
    """Read depth, or inverse depth, as float32 (H, W); 0 or less is void."""
    return read_plane(path, np.floating, fix).astype(np.float32)


def read_normals(path: Path, fix: str) -> np.ndarray:
    """Read vectors as float32 (H, W, 3) of unit length, or zero = void.

    Resizing, by which the package was made, shortens vectors where surfaces meet: lengths from 0.5 to 1.5
    are normalised, shorter vectors are mostly void and become void.
    """
    vectors = read_array(path, fix)
    if vectors.ndim != 3 or vectors.shape[2] != 3 or not np.issubdtype(vectors.dtype, np.floating):
        raise BadSample(f"{path} holds {vectors.dtype} {vectors.shape} instead of floating (H, W, 3); {fix}.")
    vectors = vectors.astype(np.float32)
    length = vector_lengths(vectors)[..., None]
    vectors[(length < 0.5)[..., 0]] = 0
    return np.divide(vectors, length, out=vectors, where=(length >= 0.5) & (length < 1.5))

"""Read single files of Cityscapes into the arrays of the dataset contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtlbench.data.errors import BadSample
from mtlbench.data.files import read_picture, read_plane

from .classes import LAST_ID, TO_TRAIN_ID

_FETCH = "replace it with an intact copy (`mtlbench data get cityscapes` says from where)"


def read_image(path: Path) -> np.ndarray:
    """Read a photo as uint8 (H, W, 3) RGB."""
    return read_picture(path, "color", _FETCH)


def read_semseg(path: Path) -> np.ndarray:
    """Read ids 0 to 33 as uint8 (H, W): the 19 scored classes, all else 255 = void."""
    ids = read_plane(path, np.uint8, _FETCH)
    if ids.max() > LAST_ID:
        raise BadSample(f"{path} holds the id {ids.max()}, but ids are 0 to {LAST_ID}; {_FETCH}.")
    return TO_TRAIN_ID[ids]


def read_disparity(path: Path) -> np.ndarray:
    """Read disparity in pixels as float32 (H, W): (p - 1) / 256 for the file's 16-bit p; 0 is void.

    Both p = 0, an invalid measurement, and p = 1, which says infinitely far, become 0.
    """
    stored = read_plane(path, np.integer, _FETCH)
    if stored.dtype.itemsize == 1:
        raise BadSample(f"{path} holds {stored.dtype} instead of 16 bits, so it was converted; {_FETCH}.")
    return np.maximum(stored.astype(np.float32) - 1, 0) / np.float32(256)

"""Know what one pixel of a label holds, and resample arrays accordingly."""

from __future__ import annotations

from typing import Literal

import cv2
import mmcv
import numpy as np

#: `classes`, `scalar`, `inverse` and `vector` as in `mtlbench.contracts.task.LabelKind`; `image` is float32
#: (H, W, C) in [0, 1] with NaN = void, for pretext tasks that predict an image
Kind = Literal["classes", "scalar", "inverse", "vector", "image"]

VOID: dict[str, float] = {"classes": 255, "scalar": 0.0, "inverse": 0.0, "vector": 0.0, "image": np.nan}
"""What a pixel without a label holds, by kind."""


def void_like(label: np.ndarray, kind: str, size: tuple[int, int]) -> np.ndarray:
    """Return a label of `size` (H, W) like `label` that is void everywhere."""
    return np.full((*size, *label.shape[2:]), VOID[kind], label.dtype)


def mirror(array: np.ndarray) -> np.ndarray:
    """Return (H, W, ...) with left and right exchanged; five times as fast as numpy's copy."""
    return cv2.flip(array, 1).reshape(array.shape)


def nearest_places(old: int, new: int) -> np.ndarray:
    """Return for each of `new` pixels in a line the one of `old` whose centre is nearest.

    cv2's own nearest mode aligns pixel corners, half a pixel off from what it does to images.
    """
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)


def resize_smooth(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W, C) to `size` (H, W): by area where it shrinks, else bicubic for uint8 and bilinear for
    floats.

    cv2 clips bicubic overshoot of uint8 to 0..255; a void (NaN) pixel makes every pixel that it touches void.
    """
    if array.shape[:2] == tuple(size):
        return array
    shrinks = size[0] <= array.shape[0] and size[1] <= array.shape[1]
    grow = "bicubic" if array.dtype == np.uint8 else "bilinear"
    resized = mmcv.imresize(array, (size[1], size[0]), interpolation="area" if shrinks else grow)
    return resized.reshape(*size, array.shape[2])


def zoom_values(label: np.ndarray, kind: str, scale: float) -> np.ndarray:
    """Return what a label holds after zooming in by `scale`: depth shrinks, inverse depth grows."""
    if kind == "scalar":
        return label / np.float32(scale)
    return label * np.float32(scale) if kind == "inverse" else label


def rotate_label(label: np.ndarray, kind: str, degrees: float, scale: float) -> np.ndarray:
    """Rotate one label counter-clockwise about its centre and zoom it; what comes from outside is void."""
    if kind == "image":  # channel by channel, because cv2's border value has at most four
        planes = [_rotate(plane, degrees, scale, np.nan, "bilinear") for plane in np.moveaxis(label, 2, 0)]
        return np.stack(planes, axis=2)
    void = (VOID[kind],) * 3 if label.ndim == 3 else VOID[kind]
    return _rotate(label, degrees, scale, void, "nearest")


def rotate_image(image: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    """Rotate an image counter-clockwise about its centre and zoom it; what comes from outside is black."""
    return _rotate(image, degrees, scale, 0, "bilinear")


def _rotate(
    array: np.ndarray, degrees: float, scale: float, border: object, interpolation: str
) -> np.ndarray:
    # mmcv counts clockwise
    return mmcv.imrotate(
        np.ascontiguousarray(array), -degrees, scale=scale, border_value=border, interpolation=interpolation
    )

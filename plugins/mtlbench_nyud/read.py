"""Read single files of NYUD-MT into the arrays of the dataset contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtlbench.data.errors import BadSample

_FETCH = "replace it with an intact copy (`mtlbench data get nyud`)"


def read_image(path: Path) -> np.ndarray:
    """Read a photo as uint8 (H, W, 3) RGB."""
    return _open_image(path, "color")


def read_semseg(path: Path) -> np.ndarray:
    """Read classes as uint8 (H, W): the file's 1 to 40 become 0 to 39, its 0 = unlabelled becomes 255."""
    return _plane(path, _open_image(path, "unchanged"), np.uint8) - np.uint8(1)  # 0 wraps around to 255


def read_depth(path: Path) -> np.ndarray:
    """Read metres as float32 (H, W); 0 or less is void."""
    return _plane(path, _open_array(path), np.floating).astype(np.float32)


def read_normals(path: Path) -> np.ndarray:
    """Read vectors as float32 (H, W, 3) of unit length, or zero = void.

    Arrays hold them as they are, pictures as n = 2 v / 255 - 1. Lengths from 0.5 to 1.5 are normalised,
    because pictures round. Shorter vectors are void, or a mixture with it, and become void: pictures cannot
    hold an exact zero.
    """
    if path.suffix == ".npy":
        vectors = _open_array(path)
        if not np.issubdtype(vectors.dtype, np.floating):
            raise BadSample(f"{path} holds {vectors.dtype} instead of float vectors; {_FETCH}.")
    else:
        vectors = _open_image(path, "color") * np.float32(2 / 255) - 1
    if vectors.ndim != 3 or vectors.shape[2] != 3:
        raise BadSample(f"{path} holds {vectors.dtype} {vectors.shape} instead of (H, W, 3); {_FETCH}.")
    vectors = vectors.astype(np.float32)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    vectors[(length < 0.5)[..., 0]] = 0
    usual = (length >= 0.5) & (length < 1.5)
    return np.divide(vectors, length, out=vectors, where=usual)


def read_edge(path: Path) -> np.ndarray:
    """Read boundaries as uint8 (H, W) of 0 and 1; pictures hold 0 and 255."""
    if path.suffix == ".npy":
        return (_plane(path, _open_array(path), np.generic) > 0.5).astype(np.uint8)
    return (_plane(path, _open_image(path, "unchanged"), np.uint8) > 127).astype(np.uint8)


READERS = {"semseg": read_semseg, "depth": read_depth, "normals": read_normals, "edge": read_edge}


def _open_image(path: Path, flag: str) -> np.ndarray:
    import mmcv  # here, because it imports torch, and a missing dataset should be said at once

    try:  # pillow, because cv2 hands out the rest of a truncated photo as grey
        return mmcv.imread(path, flag=flag, channel_order="rgb", backend="pillow")
    except FileNotFoundError as error:
        raise BadSample(f"{path} is missing; {_FETCH}.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise BadSample(f"{path} cannot be decoded ({error}); {_FETCH}.") from error


def _open_array(path: Path) -> np.ndarray:
    try:
        with open(path, "rb") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except FileNotFoundError as error:
        raise BadSample(f"{path} is missing; {_FETCH}.") from error
    except (OSError, EOFError, ValueError) as error:
        raise BadSample(f"{path} cannot be read as an array of numbers ({error}); {_FETCH}.") from error


def _plane(path: Path, array: np.ndarray, dtype: type) -> np.ndarray:
    """Return `array` without a last axis of one, if it has the asked type and two axes."""
    plane = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if plane.ndim != 2 or not np.issubdtype(plane.dtype, dtype):
        raise BadSample(
            f"{path} holds {array.dtype} {array.shape} instead of {dtype.__name__} (H, W); {_FETCH}."
        )
    return plane

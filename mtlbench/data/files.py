"""Read the files of a dataset, with errors that name the file and the fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mtlbench.data.errors import BadSample


def read_picture(path: Path, flag: str, fix: str) -> np.ndarray:
    """Read a picture as mmcv does, in RGB.

    Args:
        path: of the picture.
        flag: `color` for uint8 (H, W, 3), `unchanged` for what the file holds; palettes stay indices.
        fix: what to do about a broken file, as the end of a sentence.

    Raises:
        BadSample: the file is missing, or cannot be decoded as a whole.
    """
    import mmcv  # here, because it imports torch, and a missing dataset should be said at once

    try:  # pillow, because cv2 hands out the rest of a truncated photo as grey
        return mmcv.imread(path, flag=flag, channel_order="rgb", backend="pillow")
    except FileNotFoundError as error:
        raise BadSample(f"{path} is missing; {fix}.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise BadSample(f"{path} cannot be decoded ({error}); {fix}.") from error


def read_array(path: Path, fix: str) -> np.ndarray:
    """Read an array of numbers from a .npy file; never unpickles.

    Raises:
        BadSample: the file is missing, cut short, or holds something else.
    """
    with _named(path, fix), open(path, "rb") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def read_shape(path: Path, fix: str) -> tuple[int, ...]:
    """Read the shape of an array from the header of a .npy file.

    Raises:
        BadSample: as in `read_array`.
    """
    with _named(path, fix):
        return np.load(path, mmap_mode="r", allow_pickle=False).shape


@contextmanager
def _named(path: Path, fix: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BadSample(f"{path} is missing; {fix}.") from error
    except Exception as error:  # numpy parses headers as Python, which can fail in any way
        raise BadSample(f"{path} cannot be read as an array of numbers ({error}); {fix}.") from error


def read_plane(path: Path, dtype: type, fix: str) -> np.ndarray:
    """Read a label with one number per pixel, from a .npy file or a picture; see `as_plane`."""
    array = read_array(path, fix) if path.suffix == ".npy" else read_picture(path, "unchanged", fix)
    return as_plane(array, dtype, path, fix)


def as_plane(array: np.ndarray, dtype: type, path: Path, fix: str) -> np.ndarray:
    """Return `array` without a last axis of one.

    Raises:
        BadSample: it has other than two axes left, or another type than `dtype`.
    """
    plane = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if plane.ndim != 2 or not np.issubdtype(plane.dtype, dtype):
        raise BadSample(
            f"{path} holds {array.dtype} {array.shape} instead of {dtype.__name__} (H, W); {fix}."
        )
    return plane

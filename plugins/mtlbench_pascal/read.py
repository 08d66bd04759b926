"""Read single files of PASCAL-MT into the arrays of the dataset contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import loadmat

from mtlbench.data.check import vector_lengths
from mtlbench.data.errors import BadSample
from mtlbench.data.files import as_plane, read_picture, read_plane
from mtlbench.metrics.thinning import thin

from .classes import CONTEXT_CLASSES, PART_GROUPS, PERSON, WITH_NORMALS

_FETCH = "replace it with an intact copy (`mtlbench data get pascal`)"
_SHORTEST = 0.5  # length of a vector below which a picture holds noise rather than a direction


def read_image(path: Path) -> np.ndarray:
    """Read a photo as uint8 (H, W, 3) RGB, as it is stored: its labels know no rotation from metadata."""
    return read_picture(path, "color_ignore_orientation", _FETCH)


def read_semseg(path: Path) -> np.ndarray:
    """Read VOC's classes as uint8 (H, W): 0 = background, 1 to 20, 255 = void."""
    return read_plane(path, np.uint8, _FETCH)


def read_saliency(path: Path) -> np.ndarray:
    """Read salient pixels as uint8 (H, W): 1 where the map, 0 to 255, is above a half."""
    return (read_plane(path, np.uint8, _FETCH) > 127).astype(np.uint8)


def read_context(path: Path) -> np.ndarray:
    """Read PASCAL-Context's regions as integers (H, W), 0 to 459."""
    regions = as_plane(_read_mat(path, "LabelMap"), np.integer, path, _FETCH)
    if regions.size and not 0 <= regions.min() <= regions.max() <= CONTEXT_CLASSES:
        raise BadSample(
            f"{path} holds class {regions.max()}, but PASCAL-Context has 1 to {CONTEXT_CLASSES}; {_FETCH}."
        )
    return regions


def read_edge(context: Path) -> np.ndarray:
    """Derive boundaries, uint8 (H, W) of 0 and 1, from PASCAL-Context's regions.

    A pixel is a candidate where the Laplacian (4-neighbourhood, mirrored beyond the image) of the class
    numbers is not 0; candidates, two pixels wide, are thinned to one.
    """
    return thin(cv2.Laplacian(read_context(context).astype(np.float64), cv2.CV_64F) != 0).astype(np.uint8)


def read_normals(path: Path, context: Path) -> np.ndarray:
    """Read unit vectors as float32 (H, W, 3), n = 2 v / 255 - 1; void (zero) outside of `WITH_NORMALS`.

    Vectors shorter than 0.5 are void too: rounding made them point anywhere.
    """
    vectors = read_picture(path, "color", _FETCH) * np.float32(2 / 255) - np.float32(1)
    regions = read_context(context)
    if regions.shape != vectors.shape[:2]:
        raise BadSample(
            f"{path} is {vectors.shape[:2]} beside {context} of {regions.shape}; both must have the photo's "
            f"size, {_FETCH}."
        )
    length = vector_lengths(vectors)[..., None]
    known = np.isin(regions, WITH_NORMALS)[..., None] & (length >= _SHORTEST)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=known)


def read_human_parts(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read the parts of all people as uint8 (H, W) = `size`: 0 = background, 1 to 6 as in `PART_GROUPS`.

    Where parts overlap the later one wins. Without people, or with people without parts, all is background.
    """
    annotation = _read_mat(path, "anno")
    label = np.zeros(size, np.uint8)
    try:
        people = [thing for thing in annotation["objects"].item().flat if thing["class_ind"].item() == PERSON]
        parts = [(part["part_name"].item(), part["mask"]) for one in people for part in one["parts"].flat]
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise BadSample(
            f"{path} does not hold objects with parts as PASCAL-Part stores them ({error}); {_FETCH}."
        ) from error
    for name, mask in parts:
        if name not in PART_GROUPS:
            raise BadSample(f"{path} names the part {name!r}, which no person has; {_FETCH}.")
        if mask.shape != size:
            raise BadSample(
                f"{path} masks the part {name!r} with {mask.shape} beside an image of {size}; {_FETCH}."
            )
        label[mask.astype(bool)] = PART_GROUPS[name]
    return label


def _read_mat(path: Path, variable: str) -> Any:
    try:
        with open(path, "rb") as stream:
            return loadmat(stream, variable_names=[variable])[variable]
    except FileNotFoundError as error:
        raise BadSample(f"{path} is missing; {_FETCH}.") from error
    except Exception as error:  # scipy meets damage with whatever its parser stumbles over
        raise BadSample(
            f"{path} cannot be read as a MATLAB file with {variable!r} ({type(error).__name__}: {error}); "
            f"{_FETCH}."
        ) from error

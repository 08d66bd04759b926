"""Read the NYUv2 package of MTAN."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from .package import Package
from .read import read_classes, read_depth, read_normals

CLASSES = ("bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table",
           "tv", "wall", "window")  # fmt: skip
"""The 13 classes of Handa et al., in the order of the labels."""

_FOLDERS = {"semseg": "label", "depth": "depth", "normals": "normal"}
_READERS = {
    "semseg": partial(read_classes, classes=len(CLASSES)),
    "depth": read_depth,
    "normals": read_normals,
}


class MTANNYUv2(Package):
    """Read NYUv2 as MTAN (Liu et al., CVPR 2019) packed it.

    Args:
        split: `train` (795 images) or `val` (654).
        tasks: among `task_options`; only their files are opened.
        root: folder with train/ and val/, each with image/ and a folder per task.

    Raises:
        MissingData: `root`, a folder or numbered files are absent.
        BadSample: the folders hold versions of different sizes.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        "semseg": {"classes": len(CLASSES)},
        "depth": {},
        "normals": {},
    }
    name = "mtan-nyuv2"
    kinds: ClassVar = {"semseg": "classes", "depth": "scalar", "normals": "vector"}
    published: ClassVar = {"train": 795, "val": 654}
    home = "data/mtan_nyuv2"

    def __init__(self, split: str, tasks: Sequence[str], root: str | Path = home) -> None:
        super().__init__(split, tasks, Path(root), _FOLDERS, _READERS)

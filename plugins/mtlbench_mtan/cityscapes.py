"""Read the Cityscapes packages of MTAN."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from mtlbench.data.errors import BadSample
from mtlbench.data.files import read_shape

from .package import Package, by, choose
from .read import read_classes, read_depth


class MTANCityscapes(Package):
    """Read Cityscapes as MTAN (Liu et al., CVPR 2019) packed it.

    Images are of 128x256 or 256x512, whichever `root` holds. Depth is inverse depth without a unit: what
    Cityscapes publishes as disparity, a 16-bit number p, seems to be stored as p / 65535 (the largest value
    is 0.4922, and the largest p is 32257; mtan issue 25).

    Args:
        split: `train` (2975 images) or `val` (500).
        tasks: among `task_options`; only their files are opened.
        root: folder with train/ and val/, each with image/, depth/ and label_7/ or label_19/; for 7 classes
            also label/, as LibMTL has it.
        classes: 7 or 19; the options of the task `semseg` must say the same.

    Raises:
        MissingData: `root`, a folder or numbered files are absent.
        BadSample: the folders hold versions of different sizes.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        "semseg": {"classes": 7},
        "depth": {"inverse": True, "unit": "", "draw_to": 0.25},
    }
    name = "mtan-cityscapes"
    kinds: ClassVar = {"semseg": "classes", "depth": "inverse"}
    published: ClassVar = {"train": 2975, "val": 500}
    home = "data/mtan_cityscapes"

    def __init__(self, split: str, tasks: Sequence[str], root: str | Path = home, classes: int = 7) -> None:
        choose(self.name, "number of classes", classes, (7, 19))
        named, bare = (Path(root) / split / folder for folder in (f"label_{classes}", "label"))
        if classes == 7 and "semseg" in tasks and named.is_dir() and bare.is_dir():
            _require_equal(named, bare)
        chosen = bare if classes == 7 and not named.is_dir() and bare.is_dir() else named
        readers = {"semseg": partial(read_classes, classes=classes), "depth": read_depth}
        folders = {"semseg": chosen.name, "depth": "depth"}
        super().__init__(split, tasks, Path(root), folders, readers)


def _require_equal(named: Path, bare: Path) -> None:
    first, second = (read_shape(path / "0.npy", "fetch the package again")[:2] for path in (named, bare))
    if first != second:
        raise BadSample(
            f"{named} holds labels of {by(first)} and {bare} of {by(second)}: two versions of the package "
            "are mixed; keep one."
        )

"""Read Cityscapes as its authors publish it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.check import validate
from mtlbench.data.errors import MissingData
from mtlbench.data.listing import fingerprint
from mtlbench.data.survey import survey
from mtlbench.errors import MtlbenchError, did_you_mean

from . import sources
from .classes import CLASSES, PALETTE
from .read import read_disparity, read_image, read_semseg

_PARTS = {
    "image": ("leftImg8bit", "_leftImg8bit.png"),
    "semseg": ("gtFine", "_gtFine_labelIds.png"),
    "depth": ("disparity", "_disparity.png"),
}
_READERS = {"semseg": read_semseg, "depth": read_disparity}
_KINDS = {"semseg": "classes", "depth": "inverse"}
_PUBLISHED = {"train": 2975, "val": 500}
_HOME = "data/cityscapes"


class Cityscapes(Dataset):
    """Read Cityscapes (Cordts et al., CVPR 2016) with fine annotations.

    Depth is disparity in pixels, which is inverse depth: the multi-task literature learns it as it is.

    Args:
        split: `train` (2975 photos) or `val` (500).
        tasks: among `task_options`; only their files are opened.
        root: folder with leftImg8bit/, gtFine/ and disparity/.

    Raises:
        MissingData: `root` or some of its files are absent.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        "semseg": {"classes": len(CLASSES), "palette": PALETTE},
        "depth": {"inverse": True, "unit": "px", "draw_to": 64.0},
    }

    def __init__(self, split: str, tasks: Sequence[str], root: str | Path = _HOME) -> None:
        _choose("split", split, _PUBLISHED)
        for task in tasks:
            _choose("task", task, _READERS)
        self.split, self.tasks, self.root = split, tuple(tasks), Path(root)
        self.ids = self._list()

    def __getitem__(self, index: int) -> Sample:
        """Read one photo with the asked labels.

        Raises:
            BadSample: a file is missing, cut short, of a wrong type or shape, or holds what a label cannot.
        """
        files = self.files(index)
        labels = {task: _READERS[task](files[task]) for task in self.tasks}
        sample: Sample = {"id": self.ids[index], "image": read_image(files["image"]), "labels": labels}
        validate(sample, _KINDS, files)
        return sample

    def files(self, index: int) -> dict[str, Path]:
        """Return the files of one sample by part: `image`, and every task, asked or not."""
        name = self.ids[index]
        city = name.partition("_")[0]
        return {part: self._folder(part) / city / (name + suffix) for part, (_, suffix) in _PARTS.items()}

    def fingerprint(self) -> str:
        """Return a hash of the names and sizes of the split's files, whichever tasks were asked for."""
        files = [self.files(index) for index in range(len(self))]
        return fingerprint("cityscapes", self.root, (paths[part] for part in _PARTS for paths in files))

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Unpack archives fetched by hand, or say how to fetch them; see `sources.unpack`."""
        return sources.unpack(Path(destination or _HOME), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> Iterator[str]:
        """Read everything below `root` and report on it, one line per finding; see `survey`.

        Raises:
            MissingData: as the constructor.
            BadSample: some sample is broken.
        """
        splits = {split: cls(split, tuple(_READERS), root or _HOME) for split in _PUBLISHED}
        yield from survey(splits, _PUBLISHED, _KINDS)

    def _folder(self, part: str) -> Path:
        return self.root / _PARTS[part][0] / self.split

    def _list(self) -> tuple[str, ...]:
        """Return the names, city_sequence_frame, of all photos and asked labels; they must agree."""
        if not self.root.is_dir():
            raise MissingData(
                f"There is no folder {self.root} with Cityscapes. Ways on: `mtlbench data get "
                "cityscapes` says how to fetch it; name the folder that has it with `--data-root PATH`; or "
                "try everything on rendered rooms with `--demo`."
            )
        there = {part: self._names(part) for part in ("image", *self.tasks)}
        names = sorted(set().union(*there.values()))
        for part, found in there.items():
            missing = [name for name in names if name not in found]
            if missing or not names:
                first = f"{missing[0]}{_PARTS[part][1]}" if missing else f"CITY/*{_PARTS[part][1]}"
                raise MissingData(
                    f"{self._folder(part)} lacks {len(missing) or 'all'} of {len(names) or 'the'} files, "
                    f"such as {first}; {self.root} must hold leftImg8bit/, gtFine/ and disparity/ as they "
                    "come, see `mtlbench data get cityscapes`."
                )
        return tuple(names)

    def _names(self, part: str) -> set[str]:
        suffix = _PARTS[part][1]
        return {path.name.removesuffix(suffix) for path in self._folder(part).glob(f"*/*{suffix}")}


def _choose(what: str, value: str, known: Sequence[str] | dict) -> None:
    if value not in known:
        raise MtlbenchError(
            f"cityscapes has no {what} {value!r}.{did_you_mean(value, known)} "
            f"Choose from: {', '.join(known)}."
        )

"""Read PASCAL-Context as the multi-task literature has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.check import validate
from mtlbench.data.install import compare
from mtlbench.data.listing import fingerprint, read_ids, require_files
from mtlbench.data.survey import survey
from mtlbench.errors import MtlbenchError, did_you_mean

from . import sources
from .read import read_edge, read_human_parts, read_image, read_normals, read_saliency, read_semseg

_KINDS = {
    "semseg": "classes",
    "human_parts": "classes",
    "saliency": "classes",
    "normals": "vector",
    "edge": "classes",
}
_CLASSES = {"semseg": 21, "human_parts": 7, "saliency": 2, "edge": 2}
_FILES = {
    "image": "JPEGImages/{}.jpg",
    "semseg": "semseg/VOC12/{}.png",
    "human_parts": "human_parts/{}.mat",
    "saliency": "sal_distill/{}.png",
    "normals": "normals_distill/{}.png",
    "edge": "pascal-context/trainval/{}.mat",
}
_SEMSEG_OF_CONTEXT = "semseg/pascal-context/{}.png"  # of photos that VOC12 does not annotate
_NEEDS = {"normals": ("normals", "edge")}  # they are void by class; other tasks need their own file only


class PASCAL(Dataset):
    """Read PASCAL-Context (Mottaghi et al., CVPR 2014) with the labels of ASTMT (Maninis et al., CVPR 2019).

    All photos of a split are read, whichever tasks are asked for: `human_parts` of photos without people are
    background.

    Args:
        split: `train` (4,998 photos) or `val` (5,105).
        tasks: among `task_options`; only their files are opened.
        root: folder with JPEGImages/, ImageSets/Context/ and folders of labels; nothing is written into it.

    Raises:
        MissingData: `root`, a split list or files that it names are absent.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        "semseg": {"classes": 21},
        "human_parts": {"classes": 7},
        "saliency": {},
        "normals": {},
        "edge": {"max_dist": 0.0075},
    }

    def __init__(self, split: str, tasks: Sequence[str], root: str | Path = "data/PASCAL_MT") -> None:
        _choose("split", split, tuple(sources.PUBLISHED_COUNTS))
        for task in tasks:
            _choose("task", task, tuple(self.task_options))
        self.split, self.tasks, self.root = split, tuple(tasks), Path(root)
        self.ids = read_ids("pascal", self.root, f"ImageSets/Context/{split}.txt")
        self._in_voc = {path.stem for path in self.root.glob("semseg/VOC12/*.png")}
        for part in ("image", *self.tasks):
            for needed in _NEEDS.get(part, (part,)):
                require_files("pascal", part, [self._path(needed, name) for name in self.ids])

    def __getitem__(self, index: int) -> Sample:
        """Read one photo with the asked labels.

        Raises:
            BadSample: a file is missing, cut short, of a wrong type or shape, or holds what a label cannot.
        """
        files = self.files(index)
        image = read_image(files["image"])
        read = {
            "semseg": lambda: read_semseg(files["semseg"]),
            "human_parts": lambda: read_human_parts(files["human_parts"], image.shape[:2]),
            "saliency": lambda: read_saliency(files["saliency"]),
            "normals": lambda: read_normals(files["normals"], files["edge"]),
            "edge": lambda: read_edge(files["edge"]),
        }
        labels = {task: read[task]() for task in self.tasks}
        sample: Sample = {"id": self.ids[index], "image": image, "labels": labels}
        validate(sample, _KINDS, files, _CLASSES)
        return sample

    def files(self, index: int) -> dict[str, Path]:
        """Return the files of one sample by part: `image`, and every task, asked or not."""
        return {part: self._path(part, self.ids[index]) for part in _FILES}

    def fingerprint(self) -> str:
        """Return a hash of the split list and of the names and sizes of all its files, whichever tasks."""
        return fingerprint(
            "PASCAL_MT", self.root, (self._path(part, name) for part in _FILES for name in self.ids)
        )

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Fetch and unpack the release; see `mtlbench_pascal.sources.download`."""
        return sources.download(Path(destination or "data/PASCAL_MT"), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> Iterator[str]:
        """Read everything below `root` and report on it, one line per finding; see `survey`.

        Raises:
            MissingData: as the constructor.
            BadSample: files differ from those that were downloaded, or some sample is broken.
        """
        place = Path(root or "data/PASCAL_MT")
        splits = {split: cls(split, tuple(_KINDS), place) for split in sources.PUBLISHED_COUNTS}
        yield compare("pascal", place)
        yield from survey(splits, sources.PUBLISHED_COUNTS, _KINDS)

    def _path(self, part: str, name: str) -> Path:
        pattern = _FILES[part]
        if part == "semseg" and name not in self._in_voc:
            pattern = _SEMSEG_OF_CONTEXT
        return self.root / pattern.format(name)


def _choose(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise MtlbenchError(
            f"pascal has no {what} {value!r}.{did_you_mean(value, known)} Choose from: {', '.join(known)}."
        )

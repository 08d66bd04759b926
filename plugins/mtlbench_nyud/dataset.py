"""Read NYUDv2 as the multi-task literature has it."""

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
from .read import READERS, read_image
from .release import detect

_KINDS = {"semseg": "classes", "depth": "scalar", "normals": "vector", "edge": "classes"}
_CLASSES = {"semseg": 40, "edge": 2}


class NYUD(Dataset):
    """Read NYUDv2 (Silberman et al., ECCV 2012) in the MTI or the InvPT release, whichever `root` holds.

    Args:
        split: `train` (795 photos) or `val` (654).
        tasks: among `task_options`; only their files are opened.
        root: folder with images/, gt_sets/ and a folder per task.

    Raises:
        MissingData: `root`, a split list or files that it names are absent.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        "semseg": {"classes": 40},
        "depth": {},
        "normals": {},
        "edge": {"max_dist": 0.011},
    }

    def __init__(self, split: str, tasks: Sequence[str], root: str | Path = "data/NYUD_MT") -> None:
        _choose("split", split, ("train", "val"))
        for task in tasks:
            _choose("task", task, READERS)
        self.split, self.tasks, self.root = split, tuple(tasks), Path(root)
        self.ids = read_ids("nyud", self.root, f"gt_sets/{split}.txt")
        self.release = detect(self.root, self.ids[0])
        for part in ("image", *self.tasks):
            require_files("nyud", part, [self.release.path(self.root, part, name) for name in self.ids])

    def __getitem__(self, index: int) -> Sample:
        """Read one photo with the asked labels.

        Raises:
            BadSample: a file is missing, cut short, of a wrong type or shape, or holds what a label cannot.
        """
        files = self.files(index)
        labels = {task: READERS[task](files[task]) for task in self.tasks}
        sample: Sample = {"id": self.ids[index], "image": read_image(files["image"]), "labels": labels}
        validate(sample, _KINDS, files, _CLASSES)
        return sample

    def files(self, index: int) -> dict[str, Path]:
        """Return the files of one sample by part: `image`, and every task, asked or not."""
        name = self.ids[index]
        return {part: self.release.path(self.root, part, name) for part in ("image", *sorted(READERS))}

    def fingerprint(self) -> str:
        """Return a hash of the split list and of the names and sizes of all its files, whichever tasks."""
        parts = ("image", *sorted(READERS))
        paths = (self.release.path(self.root, part, name) for part in parts for name in self.ids)
        return fingerprint(self.release.name, self.root, paths)

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Fetch and unpack the MTI release; see `mtlbench_nyud.sources.download`."""
        return sources.download(Path(destination or "data/NYUD_MT"), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> Iterator[str]:
        """Read everything below `root` and report on it, one line per finding; see `survey`.

        Raises:
            MissingData: as the constructor.
            BadSample: files differ from those that were downloaded, or some sample is broken.
        """
        place = Path(root or "data/NYUD_MT")
        splits = {split: cls(split, tuple(READERS), place) for split in sources.PUBLISHED_COUNTS}
        yield f"the {splits['train'].release.name} release; {compare('nyud', place)}"
        yield from survey(splits, sources.PUBLISHED_COUNTS, _KINDS)


def _choose(what: str, value: str, known: Sequence[str] | dict) -> None:
    if value not in known:
        raise MtlbenchError(
            f"nyud has no {what} {value!r}.{did_you_mean(value, known)} Choose from: {', '.join(known)}."
        )

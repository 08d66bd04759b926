"""Read NYUDv2 as the multi-task literature has it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.check import validate
from mtlbench.errors import MtlbenchError, did_you_mean

from . import sources
from .read import READERS, read_image
from .release import detect, read_ids, require_files

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
        self.ids = read_ids(self.root, split)
        self.release = detect(self.root, self.ids[0])
        require_files(self.root, self.release, self.ids, ("image", *self.tasks))

    def __getitem__(self, index: int) -> Sample:
        """Read one photo with the asked labels.

        Raises:
            BadSample: a file is missing, cut short, of a wrong type or shape, or holds what a label cannot.
        """
        name = self.ids[index]
        files = {part: self.release.path(self.root, part, name) for part in ("image", *self.tasks)}
        labels = {task: READERS[task](files[task]) for task in self.tasks}
        sample: Sample = {"id": name, "image": read_image(files["image"]), "labels": labels}
        validate(sample, _KINDS, files, _CLASSES)
        return sample

    def fingerprint(self) -> str:
        """Return a hash of the split list and of the names and sizes of all its files, whichever tasks."""
        digest = hashlib.sha256(self.release.name.encode())
        for part in ("image", *sorted(READERS)):
            for name in self.ids:
                path = self.release.path(self.root, part, name)
                size = path.stat().st_size if path.exists() else "absent"
                digest.update(f"{path.relative_to(self.root).as_posix()} {size}\n".encode())
        return digest.hexdigest()[:16]

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Fetch and unpack the MTI release; see `mtlbench_nyud.sources.download`."""
        return sources.download(Path(destination or "data/NYUD_MT"), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> list[str]:
        """Read everything below `root` and report on it, one line per finding.

        Raises:
            MissingData: as the constructor.
            BadSample: the first broken file.
        """
        place = Path(root or "data/NYUD_MT")
        lines = sources.compare_with_manifest(place)
        for split, published in sources.PUBLISHED_COUNTS.items():
            dataset = cls(split, tuple(READERS), place)
            sizes = {dataset[index]["image"].shape[:2] for index in range(len(dataset))}
            count = f"{len(dataset)} images" + (
                "" if len(dataset) == published else f" (published: {published})"
            )
            shapes = ", ".join(f"{height}x{width}" for height, width in sorted(sizes))
            release, mark = dataset.release.name, dataset.fingerprint()
            lines.append(f"{split}: {count}, {shapes}, {release} release, fingerprint {mark}")
        return lines


def _choose(what: str, value: str, known: Sequence[str] | dict) -> None:
    if value not in known:
        raise MtlbenchError(
            f"nyud has no {what} {value!r}.{did_you_mean(value, known)} Choose from: {', '.join(known)}."
        )

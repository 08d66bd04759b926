"""Read Taskonomy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.check import validate
from mtlbench.data.errors import MissingData
from mtlbench.data.survey import survey
from mtlbench.errors import MtlbenchError, did_you_mean

from . import sources
from .buildings import SPLITS, SUBSETS, largest_subset, read_buildings
from .domains import CLASSES, DOMAINS, MESH
from .layouts import Layout, find_photos
from .read import read_depth, read_image

_KINDS = {task: domain.kind for task, domain in DOMAINS.items()}


class Taskonomy(Dataset):
    """Read Taskonomy (Zamir et al., CVPR 2018) in any of the layouts of `mtlbench_taskonomy.layouts`.

    Args:
        split: `train` or `val`.
        tasks: among `task_options`; only their files are opened, and depth for the mask.
        root: folder with rgb/ or with a folder per building.
        subset: `tiny` (25 + 5 + 5 buildings), `medium`, `full` or `fullplus`.
        heldout: which buildings split `val` has: the list's `val` or its `test`.
        without: buildings of the list to leave out.
        mask: whether labels from the mesh are void where it has a hole. Without, they hold what was rendered
            there; depth, normals and curvature mark holes themselves.
        max_depth: metres from which on the mesh counts as a hole.

    Raises:
        MissingData: `root`, a list, a building or a file is absent.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        name: domain.task for name, domain in DOMAINS.items()
    }

    def __init__(
        self,
        split: str,
        tasks: Sequence[str],
        root: str | Path = "data/taskonomy",
        subset: str = "tiny",
        heldout: str = "val",
        without: Sequence[str] = (),
        mask: bool = True,
        max_depth: float | None = None,
    ) -> None:
        _choose("split", split, ("train", "val"))
        _choose("subset", subset, SUBSETS)
        _choose("heldout", heldout, SPLITS[1:])
        for task in tasks:
            _choose("task", task, DOMAINS)
        self.tasks, self.root, self.mask, self.max_depth = tuple(tasks), Path(root), mask, max_depth
        if not self.root.is_dir():
            raise MissingData(
                f"There is no folder {self.root} with Taskonomy. Ways on: `mtlbench data get taskonomy` says "
                "how to fetch it; name the folder that has it with `--data-root PATH`; or try everything on "
                "rendered rooms with `--demo`."
            )
        listed = read_buildings(self.root, subset)
        for name in without:
            _choose("building", name, tuple(chain(*listed.values())))
        buildings = [name for name in listed[heldout if split == "val" else split] if name not in without]
        if not buildings:
            raise MissingData(
                f"No building of subset {subset!r} is left for split {split!r}; name fewer in `without`."
            )
        self.layout = Layout(self.root, buildings)
        self.ids = self.layout.ids
        for task, folder in self._folders().items():
            self.layout.require(folder, task)

    def __getitem__(self, index: int) -> Sample:
        """Read one photo with the asked labels.

        Raises:
            BadSample: a file is missing, cut short, of a wrong type or shape, or holds what a label cannot.
        """
        files = self.files(index)
        labels = {task: DOMAINS[task].read(files[task]) for task in self.tasks}
        if "mask" in files:
            self._void_holes(labels, files)
        sample: Sample = {"id": self.ids[index], "image": read_image(files["image"]), "labels": labels}
        validate(sample, _KINDS, {part: str(path) for part, path in files.items()}, {"semseg": len(CLASSES)})
        return sample

    def files(self, index: int) -> dict[str, Path]:
        """Return the files of photo `index`: `image`, one per task, and `mask` where labels need it."""
        name = self.ids[index]
        folders = {"image": "rgb", **self._folders()}
        return {part: self.layout.path(folder, name) for part, folder in folders.items()}

    def fingerprint(self) -> str:
        """Return a hash of the photos' names, of the options, and of file sizes of a photo per building.

        Sizes of all domains are taken, so a copy resized or encoded anew is another one; those of all photos
        would be millions.
        """
        digest = hashlib.sha256(repr((self.mask, self.max_depth, self.ids)).encode())
        first = {name.split("/")[0]: name for name in reversed(self.ids)}
        for name in first.values():
            for folder in ("rgb", *(domain.folder for domain in DOMAINS.values())):
                path = self.layout.path(folder, name)
                digest.update(f"{folder} {path.stat().st_size if path.exists() else 'absent'}\n".encode())
        return digest.hexdigest()[:16]

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Say how the files are to be got; see `mtlbench_taskonomy.sources.explain`."""
        sources.explain(Path(destination or "data/taskonomy"), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> Iterator[str]:
        """Read all buildings and domains that `root` has and report, one line per finding; see `survey`.

        The largest subset whose list is known says which buildings there should be.

        Raises:
            MissingData: `root` has no photo, or some photos lack a domain that others have.
            BadSample: some sample is broken.
        """
        place = Path(root or "data/taskonomy")
        subset = largest_subset(place)
        listed = read_buildings(place, subset)
        layout, photos = find_photos(place, tuple(chain(*listed.values())))
        absent = [building for building, views in photos.items() if not views]
        found = f"{layout} layout, {len(photos) - len(absent)} of the {len(photos)} buildings of {subset}"
        yield f"{found}; absent: {', '.join(absent) or 'none'}"
        splits = {}
        for split, buildings in listed.items():
            if set(buildings) <= set(absent):
                continue
            seen, heldout = ("train", "val") if split == "train" else ("val", split)
            probe = cls(seen, (), place, subset, heldout, absent)
            tasks = [
                task
                for task, item in DOMAINS.items()
                if probe.layout.path(item.folder, probe.ids[0]).is_file()
            ]
            splits[split] = cls(seen, tasks, place, subset, heldout, absent)
        yield from survey(splits, {split: len(data) for split, data in splits.items()}, _KINDS)

    def _folders(self) -> dict[str, str]:
        """Return task, or `mask`, -> folder of the release."""
        folders = {task: DOMAINS[task].folder for task in self.tasks}
        if (self.mask or self.max_depth) and any(DOMAINS[task].from_mesh for task in self.tasks):
            folders["mask"] = MESH
        return folders

    def _void_holes(self, labels: dict[str, np.ndarray], files: dict[str, Path]) -> None:
        from mtlbench.data.kinds import VOID  # here, because it imports torch

        depth = read_depth(files["mask"])
        holes = (depth == 0) | (depth >= (self.max_depth or np.inf))
        for task, label in labels.items():
            if DOMAINS[task].from_mesh and label.shape[:2] == holes.shape:  # if not, `validate` says so
                label[holes] = VOID[DOMAINS[task].kind]


def _choose(what: str, value: str, known: Sequence[str] | dict) -> None:
    if value not in known:
        raise MtlbenchError(
            f"taskonomy has no {what} {value!r}.{did_you_mean(value, known)} Choose from: {', '.join(known)}."
        )

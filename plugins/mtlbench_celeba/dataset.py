"""Read CelebA."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.check import validate
from mtlbench.data.errors import MissingData
from mtlbench.data.files import read_picture
from mtlbench.data.survey import survey
from mtlbench.errors import MtlbenchError, did_you_mean

from . import sources
from .lists import SPLITS, TASKS, read_attributes, read_partition

_FETCH = "fetch it again (`mtlbench data get celeba`)"
_PLACES = tuple(f"{base}{part}" for base in ("", "celeba/") for part in ("", "Img/", "Anno/", "Eval/"))
_PROBES = 100  # images whose sizes enter the fingerprint


class CelebA(Dataset):
    """Read the aligned images of CelebA (Liu et al., ICCV 2015) with attributes of theirs.

    Every attribute is a task; its label is 0 or 1 at every pixel.

    Args:
        split: `train` (162,770 faces) or `val`.
        tasks: among `task_options`: the attributes' names in lower case.
        root: folder with img_align_celeba/, list_attr_celeba.txt and list_eval_partition.txt; also with the
            folders of the release (Img/, Anno/, Eval/) or of torchvision (celeba/), or with lists as .csv.
        heldout: what split `val` is: the release's `val` (19,867 faces) or its `test` (19,962).

    Raises:
        MissingData: `root`, a list or images that it names are absent.
        BadSample: a list is broken.
        MtlbenchError: an argument has no such value.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {task: {"type": "attribute"} for task in TASKS}

    #: a face is decoded in the time in which its 23 times larger arrays are read
    keep_decoded: ClassVar[bool] = False

    def __init__(
        self, split: str, tasks: Sequence[str], root: str | Path = "data/celeba", heldout: str = "val"
    ) -> None:
        _choose("split", split, ("train", "val"))
        _choose("heldout", heldout, SPLITS[1:])
        for task in tasks:
            _choose("task", task, TASKS)
        self.tasks, self.root = tuple(tasks), Path(root)
        if not self.root.is_dir():
            raise MissingData(
                f"There is no folder {self.root} with CelebA. Ways on: fetch it with `mtlbench data get "
                "celeba`; name the folder that has it with `--data-root PATH`; or try everything on rendered "
                "rooms with `--demo`."
            )
        partition, attributes = self._find("list_eval_partition"), self._find("list_attr_celeba")
        self._lists = (partition, attributes)
        self._images = self._find_images()
        self._split = heldout if split == "val" else split
        names = read_partition(partition, self._split)
        if not names:
            raise MissingData(f"{partition} names no image of the split {self._split!r}; {_FETCH}.")
        has = read_attributes(attributes, self.tasks)
        self._require(names, has.keys(), str(attributes), "both lists must be of one version")
        self._require(names, {path.name for path in self._images.iterdir()}, str(self._images), _FETCH)
        self._labels = [has[name] for name in names]
        self.ids = tuple(name.removesuffix(".jpg") for name in names)

    def __getitem__(self, index: int) -> Sample:
        """Read one face with the asked attributes.

        Raises:
            BadSample: the file is missing or cut short.
        """
        path = self._path(index)
        image = read_picture(path, "color", _FETCH)
        labels = {
            task: np.full(image.shape[:2], value, np.uint8)
            for task, value in zip(self.tasks, self._labels[index], strict=True)
        }
        sample: Sample = {"id": self.ids[index], "image": image, "labels": labels}
        validate(sample, dict.fromkeys(self.tasks, "classes"), str(path))
        return sample

    def fingerprint(self) -> str:
        """Return a hash of both lists, of the split, and of the sizes of a hundred of its images."""
        digest = hashlib.sha256(self._split.encode())
        for path in self._lists:
            digest.update(path.read_bytes())
        for index in range(0, len(self), -(-len(self) // _PROBES)):
            path = self._path(index)
            digest.update(f"{path.name} {path.stat().st_size if path.exists() else 'absent'}\n".encode())
        return digest.hexdigest()[:16]

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Fetch and unpack the lists and the aligned images; see `mtlbench_celeba.sources.download`."""
        return sources.download(Path(destination or "data/celeba"), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> Iterator[str]:
        """Read everything below `root` and report on it, one line per finding; see `survey`.

        Raises:
            MissingData: as the constructor.
            BadSample: as the constructor, or some image is broken.
        """
        place = Path(root or "data/celeba")
        splits = {"train": cls("train", TASKS, place)}
        splits |= {split: cls("val", TASKS, place, split) for split in SPLITS[1:]}
        yield from survey(splits, sources.COUNTS, dict.fromkeys(TASKS, "classes"))

    def files(self, index: int) -> Mapping[str, Path]:
        """Return the image's file; the lists of labels are read once."""
        return {"image": self._path(index)}

    def _path(self, index: int) -> Path:
        return self._images / f"{self.ids[index]}.jpg"

    def _find(self, name: str) -> Path:
        candidates = [self.root / f"{place}{name}{end}" for place in _PLACES for end in (".txt", ".csv")]
        for path in candidates:
            if path.is_file():
                return path
        raise MissingData(
            f"{self.root} lacks {name}.txt; it must be the folder that holds it, or that holds Anno/ and "
            "Eval/. `mtlbench data get celeba` fetches it."
        )

    def _find_images(self) -> Path:
        for place in _PLACES:
            folder = self.root / place / "img_align_celeba"
            if folder.is_dir():
                nested = folder / folder.name  # as some archives unpack
                return nested if nested.is_dir() else folder
        raise MissingData(f"{self.root} lacks the folder img_align_celeba with the aligned images; {_FETCH}.")

    @staticmethod
    def _require(names: Sequence[str], there: Any, where: str, fix: str) -> None:
        missing = [name for name in names if name not in there]
        if missing:
            raise MissingData(
                f"{where} lacks {len(missing)} of the {len(names)} images that the split names, the first is "
                f"{missing[0]}; {fix}."
            )


def _choose(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise MtlbenchError(
            f"celeba has no {what} {value!r}.{did_you_mean(value, known)} Choose from: {', '.join(known)}."
        )

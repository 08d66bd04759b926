"""Read a package of numbered arrays: SPLIT/FOLDER/0.npy, 1.npy, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.check import validate
from mtlbench.data.errors import BadSample, MissingData
from mtlbench.data.files import read_shape
from mtlbench.data.install import compare
from mtlbench.data.listing import fingerprint
from mtlbench.data.survey import survey
from mtlbench.errors import MtlbenchError, did_you_mean

from . import sources
from .read import read_image

Reader = Callable[[Path, str], np.ndarray]


class Package(Dataset):
    """Read one split of a package whose images and labels are numbered alike and of one size.

    Subclasses are made by (split, tasks, root, ...) and hand over the folder and the reader of every task.
    """

    name: ClassVar[str]
    #: folder where the package is by default
    home: ClassVar[str]
    #: split -> number of images
    published: ClassVar[dict[str, int]]
    #: task -> label kind
    kinds: ClassVar[dict[str, str]]

    def __init__(
        self,
        split: str,
        tasks: Sequence[str],
        root: Path,
        folders: Mapping[str, str],
        readers: Mapping[str, Reader],
    ) -> None:
        choose(self.name, "split", split, self.published)
        for task in tasks:
            choose(self.name, "task", task, self.kinds)
        self.split, self.root, self.folders = split, root, {"image": "image", **folders}
        self.readers = {"image": read_image, **{task: readers[task] for task in tasks}}
        self.fix = f"replace it with an intact copy (`mtlbench data get {self.name}`)"
        self.ids = self._number()
        first = self.files(0)
        self.size = read_shape(first["image"], self.fix)[:2]
        for part in self.readers:
            self._require_size(first[part], read_shape(first[part], self.fix)[:2])

    def __getitem__(self, index: int) -> Sample:
        """Read one image with the asked labels.

        Raises:
            BadSample: a file is missing, cut short, of a wrong type or shape, or holds what it cannot.
        """
        files = self.files(index)
        arrays = {}
        for part, read in self.readers.items():
            arrays[part] = read(files[part], self.fix)
            self._require_size(files[part], arrays[part].shape[:2])
        sample: Sample = {"id": self.ids[index], "image": arrays.pop("image"), "labels": arrays}
        validate(sample, self.kinds, files)
        return sample

    def files(self, index: int) -> dict[str, Path]:
        """Return the files of one sample by part: `image`, and every task, asked or not."""
        folder, file = self.root / self.split, f"{self.ids[index]}.npy"
        return {part: folder / name / file for part, name in self.folders.items()}

    def fingerprint(self) -> str:
        """Return a hash of the names and sizes of the split's files, whichever tasks were asked for."""
        files = [self.files(index) for index in range(len(self))]
        return fingerprint(self.name, self.root, (paths[part] for part in self.folders for paths in files))

    @classmethod
    def download(cls, destination: str | Path | None, accept_licence: bool) -> Path:
        """Fetch and unpack the authors' shared folder; see `mtlbench_mtan.sources.download`."""
        return sources.download(cls.name, Path(destination or cls.home), accept_licence)

    @classmethod
    def check(cls, root: str | Path | None = None) -> Iterator[str]:
        """Read everything below `root` and report on it, one line per finding; see `survey`.

        Raises:
            MissingData: as the constructor.
            BadSample: files differ from those that were downloaded, or some sample is broken.
        """
        place = Path(root or cls.home)
        yield compare(cls.name, place)
        for split, published in cls.published.items():  # each alone, because both number from 0
            yield from survey({split: cls(split, tuple(cls.kinds), place)}, {split: published}, cls.kinds)

    def _number(self) -> tuple[str, ...]:
        """Return 0, 1, ... as far as any asked folder goes."""
        if not self.root.is_dir():
            raise MissingData(
                f"There is no folder {self.root} with {self.name}. Ways on: fetch it with "
                f"`mtlbench data get {self.name}`; name the folder that has it with `--data-root PATH`; or "
                "try everything on rendered rooms with `--demo`."
            )
        there = {}
        for part in self.readers:
            folder = self.root / self.split / self.folders[part]
            if not folder.is_dir():
                raise MissingData(
                    f"{folder} is missing, beside it are: {_beside(folder)}; {self.root} must be the folder "
                    f"that holds train/ and val/, and `mtlbench data get {self.name}` fetches a whole one."
                )
            there[folder] = {path.stem for path in folder.glob("*.npy")}
        names = set().union(*there.values())
        ids = tuple(str(number) for number in range(len(names)))
        for folder, found in there.items():
            missing = [name for name in ids if name not in found]
            if missing or not ids:
                raise MissingData(
                    f"{folder} lacks {len(missing)} of {len(ids)} files, the first is "
                    f"{missing[0] if missing else 0}.npy; all folders of a split must hold 0.npy, 1.npy, ... "
                    f"without a gap, so fetch the package again with `mtlbench data get {self.name}`."
                )
        return ids

    def _require_size(self, path: Path, size: tuple[int, ...]) -> None:
        if size != self.size:
            raise BadSample(
                f"{path} is {by(size)}, but {self.files(0)['image']} is {by(self.size)}: two versions of the "
                "package are mixed; keep the files of one."
            )


def choose(dataset: str, what: str, value: object, known: Iterable[object]) -> None:
    """Raise `MtlbenchError` if an argument of a dataset has no such value."""
    names = [str(name) for name in known]
    if str(value) not in names:
        raise MtlbenchError(
            f"{dataset} has no {what} {value!r}.{did_you_mean(str(value), names)} "
            f"Choose from: {', '.join(names)}."
        )


def by(size: tuple[int, ...]) -> str:
    """Write a size as people do, such as 288x384."""
    return "x".join(map(str, size))


def _beside(folder: Path) -> str:
    there = folder.parent
    return ", ".join(sorted(path.name for path in there.iterdir())) if there.is_dir() else "no files"

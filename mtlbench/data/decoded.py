"""Keep the samples of a dataset decoded, so that its files are decoded once and not in every epoch."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.cache import cache_root
from mtlbench.data.errors import CacheError
from mtlbench.data.record_file import DamagedRecord, Stamp, read_record, write_record

log = logging.getLogger("mtlbench")

_VERSION = 1  # of the layout and of the record files
_STALE = 3600  # seconds after which a file that is still being written belongs to a process that was killed
_SHARE = 0.5  # of the free disk that a cache may take: checkpoints need room too


def open_decoded(dataset: Dataset, tasks: Iterable[str]) -> Dataset:
    """Return `dataset` with its samples kept decoded, if it wants that, names files, and they find a place.

    `MTLBENCH_DECODED=off` leaves it as it is. Without a writable place a warning says so, and files are read.
    """
    wanted = dataset.keep_decoded and os.environ.get("MTLBENCH_DECODED") != "off"
    if not wanted or not len(dataset) or not dataset.files(0):
        return dataset
    fingerprint = dataset.fingerprint()
    kind = f"{type(dataset).__module__}.{type(dataset).__qualname__}"
    key = hashlib.sha256(f"{_VERSION} {kind} {fingerprint}".encode()).hexdigest()[:16]
    parts = ("image", *tasks)
    try:
        folder = cache_root() / "decoded" / f"{type(dataset).__name__.lower()}-{key}"
        for part in parts:
            (folder / part).mkdir(parents=True, exist_ok=True)
            _remove_stale(folder / part)
    except (CacheError, OSError) as error:
        log.warning("Samples are not kept decoded, so every epoch reads the files: %s", error)
        return dataset
    return Decoded(dataset, folder, parts, fingerprint)


class Decoded(Dataset):
    """Yield the samples of `dataset` bit for bit, from records that are written while it is first read.

    Every part of a sample has a record of its own, shared by runs with other tasks. A record counts while it
    is undamaged, which each process of a later run looks at once, and while the files it was made from have
    the sizes and times of modification that they had then.

    Args:
        dataset: reads files and names them.
        folder: holds a folder for each of `parts`.
        parts: `image` and the tasks that `dataset` was asked for.
        fingerprint: of `dataset`.
    """

    def __init__(self, dataset: Dataset, folder: Path, parts: tuple[str, ...], fingerprint: str) -> None:
        self.dataset, self.folder, self.parts = dataset, folder, parts
        self.ids, self._fingerprint = dataset.ids, fingerprint
        self._opened, self._trusted = time.time_ns(), set[Path]()
        self._writing: bool | None = None  # None: there is nothing yet to tell the size from
        self._warned = False

    def fingerprint(self) -> str:
        """Return the fingerprint of `dataset`."""
        return self._fingerprint

    def __getitem__(self, index: int) -> Sample:
        """Return sample `index` from its records, or read it and write them.

        Raises:
            BadSample: as `dataset` does.
        """
        stamp = {part: _stamp(path) for part, path in self.dataset.files(index).items()}
        paths = {part: self.folder / part / f"{index:07d}" for part in self.parts}
        found: dict[str, np.ndarray | None] = {}
        for part, path in paths.items():
            self._read(part, path, stamp, found)
        if len(found) == len(paths):
            image = found.pop("image")
            labels = {task: label for task, label in found.items() if label is not None}
            return {"id": self.ids[index], "image": image, "labels": labels}  # type: ignore[typeddict-item]
        sample = self.dataset[index]
        arrays: dict[str, np.ndarray | None] = {"image": sample["image"], **sample["labels"]}
        self._write({path: arrays.get(part) for part, path in paths.items() if part not in found}, stamp)
        return sample

    def _read(self, part: str, path: Path, stamp: Stamp, found: dict[str, np.ndarray | None]) -> None:
        try:
            then, array = read_record(path, 0 if path in self._trusted else self._opened)
        except FileNotFoundError:
            return
        except (DamagedRecord, OSError) as error:
            if not self._warned:
                log.warning("Damaged among decoded samples: %s. It is made anew, and so are others.", error)
            self._warned = True
            return
        self._trusted.add(path)
        if all(then[name] == stamp[name] for name in then.keys() & stamp.keys()):
            found[part] = array

    def _write(self, arrays: dict[Path, np.ndarray | None], stamp: Stamp) -> None:
        if self._writing is None:
            self._writing = self._fits(sum(array.nbytes for array in arrays.values() if array is not None))
        try:
            for path, array in arrays.items() if self._writing else ():
                write_record(path, array, stamp)
        except OSError as error:
            self._stop("the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror)

    def _fits(self, size: int) -> bool:
        missing = len(self) - sum(1 for _ in (self.folder / "image").iterdir())
        free = shutil.disk_usage(self.folder).free
        if size * missing > _SHARE * free:
            self._stop(f"they would take {size * missing / 1e9:.1f} GB of the {free / 1e9:.1f} GB left there")
            return False
        return True

    def _stop(self, why: str | None) -> None:
        self._writing = False
        log.warning(
            "No more decoded samples are kept in %s: %s. Files are read instead, which is slower; make room, "
            "or set MTLBENCH_CACHE to a folder elsewhere.", self.folder, why,
        )  # fmt: skip


def _stamp(path: Path) -> list[int] | None:
    """Return size and time of modification of a file, None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _remove_stale(folder: Path) -> None:
    for path in folder.glob("*.tmp"):
        if path.stat().st_mtime < time.time() - _STALE:
            path.unlink(missing_ok=True)

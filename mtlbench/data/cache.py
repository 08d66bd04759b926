"""Keep decoded samples in memory-mapped files, built once and checked when opened."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock

from mtlbench.data.arrays import ArrayFile, checksum
from mtlbench.data.errors import CacheError
from mtlbench.data.parallel import produce_all

log = logging.getLogger("mtlbench")

Record = Mapping[str, np.ndarray]

_SMALL = 64 * 2**20  # bytes up to which a file's checksum is read at opening, in hundredths of a second
_MANIFEST = "manifest.json"


def cache_root() -> Path:
    """Return the folder of all caches: `$MTLBENCH_CACHE`, else `~/.cache/mtlbench`, else a temporary one.

    Raises:
        CacheError: `$MTLBENCH_CACHE` names a folder that cannot be written.
    """
    asked = os.environ.get("MTLBENCH_CACHE")
    root = Path(asked) if asked else Path(os.path.expanduser("~")) / ".cache" / "mtlbench"
    try:
        if root.is_absolute() or asked:  # without a home, "~" stays as it is
            return _writable(root)
    except OSError as error:
        if asked:
            raise CacheError(
                f"The cache folder {root} cannot be written ({error.strerror}); "
                "set MTLBENCH_CACHE to one that can."
            ) from error
    spare = Path(tempfile.gettempdir()) / f"mtlbench-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    log.warning("%s cannot be written; caching in %s. Set MTLBENCH_CACHE to keep caches.", root, spare)
    return _writable(spare)


def open_cache(
    name: str, fingerprint: str, length: int, produce: Callable[[int], Record], processes: int = 2
) -> dict[str, np.ndarray]:
    """Return read-only arrays (length, ...) that hold `produce(i)` at index i, made on first use.

    The files lie in `cache_root() / name / fingerprint`. They are written aside and renamed when they are
    whole, and one process builds while others wait. A cache of a wrong size or checksum is built anew.

    Args:
        name: of the dataset.
        fingerprint: names the content; whatever changes a record must change it.
        length: number of records.
        produce: makes record `index` as a dict of arrays; picklable, with equal names, shapes and types for
            all indices.
        processes: how many processes call `produce`.

    Raises:
        CacheError: the disk is full or the cache cannot be written.
    """
    folder = cache_root() / name
    folder.mkdir(exist_ok=True)
    final = folder / fingerprint
    with FileLock(folder / f"{fingerprint}.lock"):
        if final.exists():
            broken = _find_damage(final, length)
            if broken is None:
                return _load(final)
            log.warning("The cache %s is damaged (%s); building it anew.", final, broken)
            shutil.rmtree(final)
        for stale in folder.glob(f"{fingerprint}.tmp-*"):  # of builds that were killed
            shutil.rmtree(stale)
        _build(
            folder / f"{fingerprint}.tmp-{os.getpid()}", final, produce_all(produce, length, processes, name)
        )
        return _load(final)


def _writable(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _build(aside: Path, final: Path, records: Iterator[Record]) -> None:
    files: dict[str, ArrayFile] = {}
    try:
        aside.mkdir()
        for record in records:
            for key, array in record.items():
                if key not in files:
                    files[key] = ArrayFile(aside / f"{key}.bin", array)
                files[key].append(array)
        manifest = {key: file.close() for key, file in files.items()}
        with open(aside / _MANIFEST, "w", encoding="utf-8") as stream:
            json.dump(manifest, stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        aside.rename(final)
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        raise CacheError(
            f"Could not write the cache {final}: {why}; "
            "make room, or set MTLBENCH_CACHE to a folder elsewhere."
        ) from error
    finally:
        for file in files.values():
            file.abandon()
        shutil.rmtree(aside, ignore_errors=True)  # gone already when the rename succeeded


def _find_damage(folder: Path, length: int) -> str | None:
    """Return what is wrong with a cache, or None."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        for key, entry in manifest.items():
            path = folder / f"{key}.bin"
            size = path.stat().st_size
            if size != entry["bytes"] or entry["shape"][0] != length:
                return f"{path.name} has {size} bytes instead of {entry['bytes']}"
            if size <= _SMALL and checksum(path) != entry["crc32"]:
                return f"{path.name} has another checksum than it was written with"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _load(folder: Path) -> dict[str, np.ndarray]:
    manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    return {
        key: np.memmap(folder / f"{key}.bin", entry["dtype"], "r", shape=tuple(entry["shape"]))
        for key, entry in manifest.items()
    }

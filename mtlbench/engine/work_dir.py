"""Hold the folder of a run: one owner at a time, and one log."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from mtlbench.engine import distributed
from mtlbench.engine.errors import RunError
from mtlbench.engine.labels import FILE as LABELS


@contextlib.contextmanager
def owned(work_dir: Path) -> Iterator[None]:
    """Hold the work dir, so that two runs never write into one; rank 0 holds it for all.

    Raises:
        RunError: another run holds it, or it cannot be written.
    """
    lock = filelock.FileLock(work_dir / ".lock", timeout=0)
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        if distributed.rank() == 0:
            lock.acquire()
    except filelock.Timeout as error:
        raise RunError(
            f"Another run is using {work_dir}. Wait for it, or choose another folder with --work-dir."
        ) from error
    except OSError as error:
        raise RunError(
            f"The work dir {work_dir} cannot be written ({error.strerror}). Choose another with --work-dir."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def writing(what: str, work_dir: Path) -> Iterator[None]:
    """Turn an error of the disk into one of the bench.

    Raises:
        RunError: names `what` could not be written, and how to go on.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"The {what} in {work_dir} cannot be written: {error.strerror or error}. Training is done and "
            "its last checkpoint is kept: free some space and run the same command again."
        ) from error


def forget(work_dir: Path) -> None:
    """Remove the checkpoints, records and drawn labels of earlier runs."""
    shutil.rmtree(work_dir / "checkpoints", ignore_errors=True)
    for old in (*work_dir.glob("*-seed*.json"), *work_dir.glob(LABELS)):
        old.unlink()


@contextlib.contextmanager
def run_log(path: Path) -> Iterator[logging.Logger]:
    """Yield the logger `mtlbench.run`, for components too; appends to `path`, on rank 0 alone."""
    log = logging.getLogger("mtlbench.run")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = (
        logging.FileHandler(path, encoding="utf-8") if distributed.rank() == 0 else logging.NullHandler()
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()

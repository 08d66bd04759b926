"""Make many records in several processes, in order, behind a progress bar."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

_WORTHWHILE = 32  # fewer records are made before further processes have started


def produce_all(make: Callable[[int], T], length: int, processes: int, title: str) -> Iterator[T]:
    """Yield `make(0)` to `make(length - 1)` in order; shows progress on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(
        _records(make, length, processes), f"Preparing {title}", length, console=console,
        disable=not sys.stderr.isatty(),
    )  # fmt: skip


def _records(make: Callable[[int], T], length: int, processes: int) -> Iterator[T]:
    if processes < 2 or length < _WORTHWHILE or multiprocessing.current_process().daemon:
        yield from map(make, range(length))
        return
    # forked processes need no importable main module; elsewhere than on Linux forking is not safe
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with context.Pool(processes) as pool:
        yield from pool.imap(make, range(length), chunksize=4)

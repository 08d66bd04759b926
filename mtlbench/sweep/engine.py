"""Say what every engine does with jobs, and what limits it."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mtlbench.sweep.jobs import Job, Outcome

#: an engine yields how each job ended, in any order; it tells what is under way by calling its last argument
Engine = Callable[[Sequence[Job], "Limits", Callable[[Iterable[Job]], None]], Iterator[Outcome]]


@dataclass(frozen=True)
class Limits:
    """Bound what jobs may take.

    Attributes:
        processes: runs at the same time; None leaves it to the engine.
        memory: GiB that a run is expected to take until one was measured.
        threads: CPU threads of one run; None shares the cores evenly.
        gpus: GPUs of one run, where the engine hands them out.
        address: of a Ray cluster; None starts one on this machine.
        slurm: parameters of the scheduler, as submitit names them.
    """

    processes: int | None = None
    memory: float = 2.0
    threads: int | None = None
    gpus: float = 0.0
    address: str | None = None
    slurm: dict[str, str] = field(default_factory=dict)


def execute(job: Job, folder: str) -> int:
    """Run a job inside this process, which a cluster started for it, and return its exit code.

    A run in a process of its own, below this one, would outlive it and hold the folder.

    Args:
        job: what to run.
        folder: what the job's paths are relative to, wherever the cluster starts processes.
    """
    from mtlbench.cli import main

    os.chdir(folder)
    job.begin()
    with (
        job.console.open("a", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        try:
            main(job.arguments)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(bool(end.code))
        except Exception:
            traceback.print_exc()
            return 1
    return 0


def first_line(error: BaseException) -> str:
    """Return what an engine's error says first; hints where to look for more follow."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

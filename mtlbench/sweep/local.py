"""Run jobs as processes of this machine: as many as cores, GPUs and memory carry."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from mtlbench.sweep.engine import Limits, cores
from mtlbench.sweep.jobs import Job, Outcome

PAUSE = 0.2
GIB = 2**30
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass
class Running:
    """Hold a job's process, the GPU that it was given, and the most memory it was seen to take."""

    job: Job
    process: subprocess.Popen[bytes]
    gpu: str | None
    held: int = 0  # bytes
    peak: int = 0

    def measure(self) -> None:
        """Look at the memory of the process and of those it started, such as workers of loaders."""
        try:
            process = psutil.Process(self.process.pid)
            family = [process, *process.children(recursive=True)]
            self.held = sum(member.memory_info().rss for member in family)
        except psutil.Error:
            return
        self.peak = max(self.peak, self.held)


def run(jobs: Sequence[Job], limits: Limits, look: Callable[[Iterable[Job]], None]) -> Iterator[Outcome]:
    """Run every job, and yield how each ended; one that fails stops no other.

    A run takes one GPU where there are some, else its share of the cores. Another is started only while the
    memory that is free holds it beside what those under way may still come to need: the most that any run of
    the sweep was seen to take, and no less than `limits.memory` until one has finished.

    Args:
        jobs: what to run, in this order.
        limits: how much at once.
        look: called a few times per second with the jobs under way.
    """
    gpus, processes = _gpus(), slots(limits)
    given = os.environ.get("OMP_NUM_THREADS")
    threads = limits.threads or given or max(1, cores() // processes)
    spare = deque(gpus[index % len(gpus)] if gpus else None for index in range(processes))
    waiting, running = deque(jobs), list[Running]()
    expected, measured = int(limits.memory * GIB), 0
    try:
        while waiting or running:
            for task in running:
                task.measure()
                measured = max(measured, task.peak)
            need = max(measured, expected)
            if waiting and len(running) < processes and (not running or _fits(need, running)):
                running.append(_start(waiting.popleft(), threads, spare.popleft()))
            look([task.job for task in running])
            for task in [task for task in running if task.process.poll() is not None]:
                running.remove(task)
                spare.append(task.gpu)
                outcome = Outcome.of(task.job, task.process.returncode)
                expected = 0 if outcome.record else expected  # one that failed may have taken less
                yield outcome
            time.sleep(PAUSE)
    finally:
        _stop(running)


def slots(limits: Limits) -> int:
    """Return how many runs go on at the same time, where memory suffices."""
    return limits.processes or len(_gpus()) or cores()


def _start(job: Job, threads: int | str, gpu: str | None) -> Running:
    job.begin()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    with job.console.open("ab") as console:
        process = subprocess.Popen(
            [sys.executable, "-m", "mtlbench", *job.arguments],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then ends them in order
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    return Running(job, process, gpu)


def _die_with_parent() -> None:
    # a sweep that was killed leaves no run behind that would hold its folder
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)


def _fits(need: int, running: Iterable[Running]) -> bool:
    still = sum(max(0, need - task.held) for task in running)
    return psutil.virtual_memory().available - still >= need


def _gpus() -> list[str]:
    """Return the GPUs that runs may use, without importing torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    return sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))


def _stop(running: Sequence[Running]) -> None:
    for task in running:
        task.process.terminate()
    for task in running:
        try:
            task.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            task.process.kill()
            task.process.wait()

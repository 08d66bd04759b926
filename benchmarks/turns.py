"""Run training steps of several sides in turns, each side in a process of its own, and compare cost.

A process of its own gives every side the memory allocator as a run of it alone would have it, and a peak of
memory that is its alone.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch


class Cost(NamedTuple):
    """Hold the median CPU seconds of a step, and the peak of memory over the idle process in MiB."""

    seconds: float
    memory: float


Build = Callable[..., Callable[[], None]]


def take_turns(sides: Mapping[Any, tuple[Build, tuple[Any, ...]]], rounds: int) -> dict[Any, Cost]:
    """Return the cost of each side, given as a function that builds its step, and that function's arguments.

    Every round runs one step of each side; the first two rounds, in which memory is found, don't count.
    """
    context = multiprocessing.get_context("spawn")
    pipes: dict[Any, Connection] = {}
    processes = []
    for name, (build, arguments) in sides.items():
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=_serve, args=(theirs, build, arguments), daemon=True))
        processes[-1].start()
        theirs.close()
        pipes[name].recv()
    steps: dict[Any, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(rounds + 2):
        for name, pipe in pipes.items():
            pipe.send(None)
            steps[name].append(pipe.recv())
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.close()
        process.join()
    return {
        name: Cost(statistics.median(seconds for seconds, _ in found[2:]), max(peak for _, peak in found))
        for name, found in steps.items()
    }


def _serve(pipe: Connection, build: Build, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    step = build(*arguments)
    Path("/proc/self/clear_refs").write_text("5")  # peaks before now don't count
    idle = _memory("VmRSS")
    pipe.send(None)
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        start = time.process_time()
        step()
        pipe.send((time.process_time() - start, _memory("VmHWM") - idle))


def _memory(field: str) -> float:
    """Return a field of the process's status in MiB."""
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024

"""Read costs from records: one number per method for each axis that a board may choose."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from mtlbench.boards.board import CostAxis
from mtlbench.results.schema import Record

Read = Callable[[Record], float | None]

#: axis -> (title, how to read it in the title's unit)
AXES: dict[CostAxis, tuple[str, Read]] = {
    "trainable": ("trainable parameters (M)", lambda run: run.parameters.trainable / 1e6),
    "adapter": ("adapter parameters (M)", lambda run: run.parameters.adapter / 1e6),
    "peak": ("peak of trainable parameters (M)", lambda run: run.parameters.peak / 1e6),
    "final": ("trainable parameters after pruning (M)", lambda run: run.parameters.final / 1e6),
    "macs": ("MACs per image (G)", lambda run: None if run.cost.macs is None else run.cost.macs / 1e9),
    "step_time_ms": ("training step (ms)", lambda run: run.cost.step_time_ms),
    "peak_memory_mb": ("peak memory (MiB)", lambda run: run.cost.peak_memory_mb),
}


def mean_cost(records: Sequence[Record], read: Read) -> float | None:
    """Return the mean over records, or None where one of them lacks the number."""
    values = [read(record) for record in records]
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the Pareto front of (cost, gain) points, cheapest first.

    A point is on it when no other point costs no more and gains no less, one of the two strictly. Of equal
    points the first stands for all.
    """
    chosen: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1], i)):
        if not chosen or points[index][1] > points[chosen[-1]][1]:
            chosen.append(index)
    return chosen

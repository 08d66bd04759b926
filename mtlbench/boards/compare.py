"""Tell whether one method is better than another, or whether images and seeds explain the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtlbench.boards.admission import differences, frozen_part
from mtlbench.boards.board import Board, Frozen
from mtlbench.boards.errors import Incomparable
from mtlbench.boards.gap import Gap, gap
from mtlbench.metrics.delta_m import contributions
from mtlbench.results.schema import Record

DELTA = "Δm"


@dataclass(frozen=True)
class Comparison:
    """Hold what two methods gain over single-task models, in percent, and how sure their gaps are.

    `changes` maps each task, and last Δm, to the mean change of either method; `gaps` maps them to the second
    minus the first. `noise` says what the intervals count. `fixed_references` is true where the single-task
    references hold no replicates, so that replicates of the methods are measured against their plain values.
    """

    names: tuple[str, str]
    seeds: tuple[int, int]
    changes: Mapping[str, tuple[float, float]]
    gaps: Mapping[str, Gap]
    noise: tuple[str, ...]
    fixed_references: bool = False

    def __str__(self) -> str:
        first, second = self.names
        gap = self.gaps[DELTA]
        if not gap.decided:
            return (
                f"No evidence of a difference: {second} minus {first} is {gap.difference:+.2f} ± "
                f"{gap.half_width:.2f} {DELTA} (95 %)."
            )
        better, other = (second, first) if gap.difference > 0 else (first, second)
        size = f"{abs(gap.difference):.2f} ± {gap.half_width:.2f} {DELTA}"
        return f"{better} is better than {other} by {size} (95 %)."


def compare(
    first: Sequence[Record],
    second: Sequence[Record],
    references: Mapping[str, Sequence[Record]],
    board: Board,
) -> Comparison:
    """Compare the runs of two methods under one board's protocol.

    Args:
        first: one method's records, one per seed.
        second: another's.
        references: task -> records of its single-task reference.
        board: gives tasks, directions and what all records share.

    Raises:
        Incomparable: a record is of another protocol, a seed occurs twice, a reference is missing, or there
            is nothing to tell noise from.
        BadReference: a reference is not positive.
    """
    _require_references(references, board)
    for records in (first, second):
        _require_one_method(records)
        _require_protocol(records, board, frozen_part(references[board.tasks[0].name][0], board))
    count = _replicates([*first, *second])
    standards = [record for records in references.values() for record in records]
    fixed = count > 0 and _replicates(standards) != count
    if fixed:
        references = _plain(references)
    a, b = (_changes(records, references, board, count) for records in (first, second))
    several = min(len(first), len(second)) > 1
    if not (count or several):
        raise Incomparable(
            "Nothing tells this gap from noise: a method has one seed, and not all records hold replicates. "
            "Run at least two seeds of each."
        )
    titles = [*board.references, DELTA]
    return Comparison(
        names=(first[0].name, second[0].name),
        seeds=(len(first), len(second)),
        changes={
            title: (float(a[:, 0, k].mean()), float(b[:, 0, k].mean())) for k, title in enumerate(titles)
        },
        gaps={title: gap(a[..., k], b[..., k]) for k, title in enumerate(titles)},
        noise=(("images",) if count else ()) + (("seeds",) if several else ()),
        fixed_references=fixed,
    )


def measured_changes(
    records: Sequence[Record], references: Mapping[str, Sequence[Record]], board: Board
) -> np.ndarray:
    """Return the change of every task, and last Δm, in percent, (seeds, 1 + replicates, tasks + 1).

    Column 0 is what was measured. There are no replicates where a record of the method lacks them; where a
    reference does, its plain values serve.
    """
    count = _replicates(records)
    if _replicates([record for runs in references.values() for record in runs]) != count:
        references = _plain(references)
    return _changes(records, references, board, count)


def _plain(references: Mapping[str, Sequence[Record]]) -> Mapping[str, Sequence[Record]]:
    return {
        task: [record.model_copy(update={"replicates": None}) for record in records]
        for task, records in references.items()
    }


def _require_references(references: Mapping[str, Sequence[Record]], board: Board) -> None:
    missing = [task for task in board.references if not references.get(task)]
    if missing:
        raise Incomparable(
            f'The board "{board.name}" has no single-task reference of {", ".join(missing)}, which Δm needs; '
            "run and submit it first."
        )


def _require_protocol(records: Sequence[Record], board: Board, shared: Frozen) -> None:
    for record in records:
        reasons = differences(record, board, shared)
        if record.primary.keys() != board.references.keys():
            reasons = ["Δm needs all of the board's tasks in one run"]
        if reasons:
            raise Incomparable(
                f'{record.run_id} cannot be compared on the board "{board.name}": {"; ".join(reasons)}. '
                "Compare runs of configs that were written for the board."
            )


def _require_one_method(records: Sequence[Record]) -> None:
    names = sorted({record.name for record in records})
    if len(names) > 1:
        raise Incomparable(f"One side holds several methods: {', '.join(names)}. Name one of them.")
    if len({record.config_hash for record in records}) > 1:
        raise Incomparable(f"The records of {names[0]} come from different configs; pass one config's.")
    if len({record.seed for record in records}) < len(records):
        raise Incomparable(f"Two records of {names[0]} have the same seed; pass each run once.")


def _replicates(records: Sequence[Record]) -> int:
    """Return the number of replicates that all records have of all their tasks; 0 where one lacks them."""
    counts = {len((record.replicates or {}).get(task, ())) for record in records for task in record.primary}
    return counts.pop() if len(counts) == 1 else 0


def _changes(
    records: Sequence[Record], references: Mapping[str, Sequence[Record]], board: Board, count: int
) -> np.ndarray:
    """Return the change of every task, and last Δm, in percent, (seeds, 1 + replicates, tasks + 1)."""
    directions = {task.name: task.higher_is_better for task in board.tasks}
    standard = {
        task: np.mean([_values(record, task, count) for record in references[task]], axis=0)
        for task in board.references
    }
    runs = []
    for record in records:
        values = {task: _values(record, task, count) for task in board.references}
        changes = [
            contributions(
                {task: float(value[k]) for task, value in values.items()},
                {task: float(value[k]) for task, value in standard.items()},
                directions,
            )
            for k in range(1 + count)
        ]
        runs.append([[*change.values()] for change in changes])
    tasks = np.array(runs)
    return np.concatenate([tasks, tasks.mean(-1, keepdims=True)], axis=-1)


def _values(record: Record, task: str, count: int) -> np.ndarray:
    """Return the primary metric, then its replicates, or as often itself where it has none, (1 + count,)."""
    value = record.primary[task].value
    return np.array([value, *((record.replicates or {}).get(task) or [value] * count)[:count]])

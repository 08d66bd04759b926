"""Turn a board's records into a ranking: seeds into means, references into Δm, gaps into ranks."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from mtlbench.boards.admission import Refusal, admit
from mtlbench.boards.board import Board, load_board
from mtlbench.boards.reproducing import verified
from mtlbench.metrics.delta_m import contributions
from mtlbench.metrics.errors import BadReference
from mtlbench.results.schema import Record


class Spread(NamedTuple):
    """Hold a mean over seeds and the sample standard deviation (n - 1), which one seed does not have."""

    mean: float
    std: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value."""
        values = [*values]
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Method:
    """Hold one method's records, sorted by seed, and what they amount to.

    `contributions` are each task's signed relative change in percent, `delta` is Δm; both are empty without
    complete references. A method with `problems` has no rank. `verified` counts the records that somebody
    made again within the board's tolerances, `contradicted` those that did not come out.
    """

    name: str
    records: tuple[Record, ...]
    metrics: Mapping[str, Spread]
    contributions: Mapping[str, Spread] = field(default_factory=dict)
    delta: Spread | None = None
    problems: tuple[str, ...] = ()
    verified: int = 0
    contradicted: int = 0
    rank: int | None = None
    tied: bool = False

    @property
    def seeds(self) -> list[int]:
        """Return the seeds that were run."""
        return [record.seed for record in self.records]


@dataclass(frozen=True)
class Standing:
    """Hold a board at this moment: references by task, methods best first, and what does not count."""

    board: Board
    references: Mapping[str, Method]
    ranked: tuple[Method, ...]
    unranked: tuple[Method, ...]
    refused: tuple[Refusal, ...]

    @property
    def methods(self) -> list[Method]:
        """Return all methods that have a record: references, then ranked, then unranked ones."""
        return [*self.references.values(), *self.ranked, *self.unranked]


def aggregate(folder: Path) -> Standing:
    """Read the board in `folder` with its records and rank its methods."""
    board = load_board(folder)
    records, refused = admit(folder, board)
    grouped = defaultdict(list)
    for record in records:
        grouped[record.name].append(record)
    methods = {name: _method(name, runs, board) for name, runs in sorted(grouped.items())}
    methods = {name: _attested(method, Path(folder), board) for name, method in methods.items()}
    references = {task: methods[name] for task, name in board.references.items() if name in methods}
    competing = [method for name, method in methods.items() if name not in board.references.values()]
    scored = [_score(method, references, board) for method in competing]
    ranked = _rank([method for method in scored if not method.problems])
    unranked = [method for method in scored if method.problems]
    return Standing(board, references, tuple(ranked), tuple(unranked), tuple(refused))


def tie(better: Spread, other: Spread) -> bool:
    """Say whether two means are no further apart than one standard deviation of their difference."""
    return better.mean - other.mean <= math.hypot(better.std or 0.0, other.std or 0.0)


def _method(name: str, records: list[Record], board: Board) -> Method:
    problems = []
    missing = sorted({*board.seeds} - {record.seed for record in records})
    if missing:
        problems.append(f"seeds missing: {', '.join(map(str, missing))}")
    configs = {record.config_hash for record in records}
    if len(configs) > 1:
        problems.append(f"its records come from {len(configs)} different configs")
    metrics = {
        task: Spread.of(record.primary[task].value for record in records) for task in records[0].primary
    }
    runs = sorted(records, key=lambda record: (record.seed, record.config_hash))
    return Method(name, tuple(runs), metrics, problems=tuple(problems))


def _attested(method: Method, folder: Path, board: Board) -> Method:
    verdicts = [
        verified(folder / "results" / run.name / f"{run.run_id}.json", run, board) for run in method.records
    ]
    return replace(method, verified=verdicts.count(True), contradicted=verdicts.count(False))


def _score(method: Method, references: Mapping[str, Method], board: Board) -> Method:
    lacking = [
        f"the reference of {task} is {'incomplete' if task in references else 'missing'}"
        for task in board.references
        if task not in references or references[task].problems
    ]
    if lacking:
        return replace(method, problems=(*method.problems, *lacking))
    means = {task: reference.metrics[task].mean for task, reference in references.items()}
    directions = {task.name: task.higher_is_better for task in board.tasks}
    try:
        runs = [
            contributions({task: run.primary[task].value for task in board.references}, means, directions)
            for run in method.records
        ]
    except BadReference as error:
        return replace(method, problems=(*method.problems, str(error)))
    return replace(
        method,
        contributions={task: Spread.of(run[task] for run in runs) for task in board.references},
        delta=Spread.of(statistics.fmean(run.values()) for run in runs),
    )


def _rank(methods: list[Method]) -> list[Method]:
    ranked: list[Method] = []
    scored = [(method.delta, method) for method in methods if method.delta is not None]
    leader: Spread | None = None  # of the rank above
    for position, (delta, method) in enumerate(sorted(scored, key=_by_mean), start=1):
        tied = leader is not None and tie(leader, delta)
        if tied:
            ranked[-1] = replace(ranked[-1], tied=True)
        else:
            leader = delta
        ranked.append(replace(method, rank=ranked[-1].rank if tied else position, tied=tied))
    return ranked


def _by_mean(scored: tuple[Spread, Method]) -> tuple[float, str]:
    delta, method = scored
    return -delta.mean, method.name

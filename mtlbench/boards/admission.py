"""Decide which records a board takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtlbench.boards.board import Board, Frozen
from mtlbench.errors import printable
from mtlbench.results.errors import BadRecord
from mtlbench.results.schema import Record, protocol_hash
from mtlbench.results.store import iter_records


class Refusal(NamedTuple):
    """Name a file below a board's ``results`` and say why it does not count."""

    path: str
    reason: str


def frozen_part(record: Record, board: Board) -> Frozen:
    """Return what `record` shares with every other record of `board`."""
    provenance, shared = record.provenance, record.protocol_hash
    if board.free:
        try:
            shared = protocol_hash(record.config, board.free)
        except (KeyError, TypeError):  # the config is no experiment: let it equal no protocol
            shared = record.config_hash
    return Frozen(protocol_hash=shared, weights=provenance.weights, data=provenance.data)


def objections(record: Record, board: Board, frozen: Frozen | None = None) -> list[str]:
    """Return every reason why `board` does not take `record`; an empty list means that it does.

    `frozen` is what the board's records share already, where ``board.toml`` does not say it.
    """
    return [*_conduct(record, board), *differences(record, board, frozen)]


def differences(record: Record, board: Board, frozen: Frozen | None = None) -> list[str]:
    """Return what makes `record` another experiment than those of `board`, whoever ran it and however."""
    return [*_protocol(record, board, board.frozen or frozen), *_tasks(record, board)]


def admit(folder: Path, board: Board) -> tuple[list[Record], list[Refusal]]:
    """Sort every file below ``<folder>/results`` into records that count and refusals, by path."""
    results, frozen = Path(folder) / "results", board.frozen
    records, refusals = [], []
    for path, record in iter_records(results):
        name = printable(path.relative_to(results.parent).as_posix().removeprefix("results/"))
        if isinstance(record, BadRecord):
            refusals.append(Refusal(name, record.reason))
            continue
        if name != f"{record.name}/{record.run_id}.json":
            reasons = [f"its path must be {record.name}/{record.run_id}.json"]
        else:
            reasons = objections(record, board, frozen)
        if reasons:
            refusals.append(Refusal(name, "; ".join(reasons)))
        else:
            frozen = frozen or frozen_part(record, board)
            records.append(record)
    return records, refusals


def _conduct(record: Record, board: Board) -> Iterator[str]:
    if record.demo:
        yield "it is a demonstration"
    if record.provenance.dirty:
        yield "its code differed from the commit"
    if record.board not in (None, board.name):
        yield f"it was made for the board {record.board}"
    if record.seed not in board.seeds:
        yield f"its seed {record.seed} is not one of the board's {board.seeds}"


def _protocol(record: Record, board: Board, frozen: Frozen | None) -> Iterator[str]:
    if frozen is None:
        return
    own = frozen_part(record, board)
    for field in Frozen.model_fields:
        if getattr(own, field) != getattr(frozen, field):
            yield f"its {field} differs from the board's"


def _tasks(record: Record, board: Board) -> Iterator[str]:
    expected = {task.name for task in board.tasks if task.reference == record.name} or {*board.references}
    if record.primary.keys() != expected:
        yield f"it has the tasks {sorted(record.primary)} where the board has {sorted(expected)}"
    for task in board.tasks:
        primary = record.primary.get(task.name)
        if primary and (primary.metric, primary.unit, primary.higher_is_better) != (
            task.metric,
            task.unit,
            task.higher_is_better,
        ):
            yield f"the primary metric of {task.name} is not the board's {task.title}"

"""Look up a board's single-task references without reading all of its records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mtlbench.boards.admission import frozen_part, objections
from mtlbench.boards.aggregate import Spread
from mtlbench.boards.board import load_board
from mtlbench.results.schema import Record
from mtlbench.results.store import iter_records


def reference_for(
    folder: Path, tasks: Iterable[str], like: Record | None = None
) -> dict[str, tuple[float, int]]:
    """Return, per task that has one, the mean of its single-task reference and the number of its seeds.

    Args:
        folder: the board's folder.
        tasks: the tasks asked for; those without an accepted reference are left out.
        like: where given, references of another protocol than this record's are left out.
    """
    board = load_board(folder)
    protocol = frozen_part(like, board).protocol_hash if like else None
    references = {}
    for task in tasks:
        if task not in board.references:
            continue
        found = iter_records(Path(folder) / "results" / board.references[task])
        values = [
            record.primary[task].value
            for _, record in found
            if isinstance(record, Record)
            and not objections(record, board)
            and task in record.primary
            and protocol in (None, frozen_part(record, board).protocol_hash)
        ]
        if values:
            references[task] = (Spread.of(values).mean, len(values))
    return references


def find_references(record: Record, near: Path) -> dict[str, tuple[float, int]]:
    """Return the references of the record's own board and protocol, or nothing where they are not at hand.

    Args:
        record: of a run that was just made.
        near: a file, such as the run's config; the nearest `leaderboards/` above it is used.
    """
    for folder in near.resolve().parents:
        board = folder / "leaderboards" / (record.board or "")
        if record.board and (board / "board.toml").is_file():
            return reference_for(board, record.primary, record)
    return {}

"""Add a run's record to a board."""

from __future__ import annotations

from pathlib import Path

from mtlbench.boards.admission import frozen_part, objections
from mtlbench.boards.board import Board, Frozen, load_board
from mtlbench.boards.errors import RefusedRecord
from mtlbench.errors import printable
from mtlbench.results.schema import Record
from mtlbench.results.store import RECORDS, iter_records, load_record, record_text, write_below


def submit(source: Path, folder: Path) -> Path:
    """Copy the record at `source` to ``<folder>/results/<method>/<run_id>.json`` and return that path.

    Args:
        source: a record's file, or the folder of a run that wrote exactly one.
        folder: the board's folder.

    Raises:
        RefusedRecord: the board does not take the record, or has another one of that id already.
        BadRecord: the file is not a record.
        Unwritable: something lies in its place on the board, such as a link.
    """
    path = record_file(Path(source))
    record, board = load_record(path), load_board(folder)
    reasons = objections(record, board, _established(folder, board))
    if reasons:
        raise RefusedRecord(
            f'The board "{board.name}" does not take {path}: {"; ".join(reasons)}. '
            "Run a config of the board from a clean commit."
        )
    published = Path(folder) / "results" / record.name / f"{record.run_id}.json"
    if published.exists() and load_record(published) != record:
        raise RefusedRecord(
            f"{published} is published already with other numbers, and published records are never replaced. "
            "Change the config, or run another seed of the board."
        )
    if published.exists():
        return published
    name = published.relative_to(folder).as_posix()
    return write_below(Path(folder), name, record_text(record).encode())


def record_file(source: Path) -> Path:
    """Return the file of the record at `source`, the file itself or the folder of the run that wrote it.

    Raises:
        RefusedRecord: there is none, or more than one.
    """
    if not source.is_dir():
        return source
    found = sorted(source.glob(RECORDS))
    if len(found) != 1:
        names = ", ".join(printable(path.name) for path in found) or "none"
        raise RefusedRecord(f"{source} must hold one record, but holds: {names}. Pass the path of the file.")
    return found[0]


def _established(folder: Path, board: Board) -> Frozen | None:
    if board.frozen:
        return board.frozen
    for _, record in iter_records(Path(folder) / "results"):
        if isinstance(record, Record) and not objections(record, board):
            return frozen_part(record, board)
    return None

"""Find the runs that are to be compared: by a method's name on a board, or where they lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from mtlbench.boards.admission import admit
from mtlbench.boards.board import find_board, load_board
from mtlbench.boards.compare import Comparison, compare
from mtlbench.boards.errors import Incomparable
from mtlbench.errors import did_you_mean
from mtlbench.results.schema import Record
from mtlbench.results.store import RECORDS, load_record


def compare_named(first: str, second: str, board: str | None, leaderboards: Path) -> Comparison:
    """Compare two methods, each given by its name on the board, a record's file, or a folder of runs.

    Args:
        first: one method.
        second: another.
        board: name or folder of the board that gives the references; by default the one that records of
            `first` or `second` were made for.
        leaderboards: folder of all boards.

    Raises:
        Incomparable: a method cannot be found, or the two cannot be compared.
        BadBoard: there is no such board.
        BadRecord: a file is not a record.
    """
    folder = find_board(board or _board_of(first, second), leaderboards)
    protocol = load_board(folder)
    methods: dict[str, list[Record]] = defaultdict(list)
    for record in admit(folder, protocol)[0]:
        methods[record.name].append(record)
    references = {task: methods.get(name, []) for task, name in protocol.references.items()}
    return compare(_runs(first, methods), _runs(second, methods), references, protocol)


def _board_of(*methods: str) -> str:
    for path in map(Path, methods):
        if path.exists():
            board = _records(path)[0].board
            if board:
                return board
    raise Incomparable(
        f"Neither {methods[0]} nor {methods[1]} leads to records that name their board; "
        "say which board gives the single-task references with --board NAME."
    )


def _runs(method: str, published: Mapping[str, Sequence[Record]]) -> Sequence[Record]:
    if method in published:
        return published[method]
    if Path(method).exists():
        return _records(Path(method))
    raise Incomparable(
        f'"{method}" is neither a method of the board nor a file or folder.{did_you_mean(method, published)} '
        f"The board has: {', '.join(published) or 'no records'}."
    )


def _records(path: Path) -> list[Record]:
    """Return the record in a file, or every record below a folder."""
    files = [path] if path.is_file() else sorted(path.rglob(RECORDS))
    if not files:
        raise Incomparable(f"{path} holds no record; pass the folder of finished runs, or a record's file.")
    return [load_record(file) for file in files]

"""Hold runs that were made again against the published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtlbench.boards.board import TOLERANCE, Board, load_board
from mtlbench.boards.markdown import table
from mtlbench.results.errors import BadRecord
from mtlbench.results.schema import Record
from mtlbench.results.store import load_verification, verification_file
from mtlbench.results.verification import Verification, same_file


def tolerances(record: Record, board: Board | None) -> dict[str, float]:
    """Return task -> what a run that is made again may differ by, in the primary metric's unit."""
    tasks = {task.name: task for task in board.tasks} if board else {}
    return {
        task: tasks[task].allowed(primary.value) if task in tasks else TOLERANCE * abs(primary.value)
        for task, primary in record.primary.items()
    }


def board_of(record: Path) -> Board | None:
    """Return the board below which a record's file lies, in ``results/<method>``, if it lies on one."""
    folder = record.resolve().parent.parent.parent
    return load_board(folder) if (folder / "board.toml").is_file() else None


def verified(path: Path, record: Record, board: Board) -> bool | None:
    """Say whether the record at `path` was made again within the board's tolerances; None where nobody tried.

    The tolerances inside a verification don't count, and one of other bytes than the record's is none.
    """
    file = verification_file(path)
    if not file.exists():
        return None
    return not objections(file, path, record) and load_verification(file).within(tolerances(record, board))


def objections(file: Path, path: Path, record: Record) -> list[str]:
    """Return why `file` is no verification of the record at `path`; an empty list where it is one."""
    try:
        found = load_verification(file)
    except BadRecord as error:
        return [error.reason]
    reasons = []
    if found.run_id != record.run_id:
        reasons.append(f"it is about {found.run_id}")
    elif not same_file(found, path):
        reasons.append("it is about another file of that name")
    elif found.published != {task: primary.value for task, primary in record.primary.items()}:
        reasons.append("its published numbers are not the record's")
    return reasons


def comparison_table(found: Verification, units: Mapping[str, str]) -> str:
    """Return the numbers of a run that was made again beside the published ones."""
    rows = [
        [
            task,
            f"{value:.6g}",
            f"{found.reproduced[task]:.6g}",
            f"{found.differences[task]:.2g}",
            f"{found.tolerances[task]:.2g}",
            units.get(task, ""),
        ]
        for task, value in found.published.items()
    ]
    return table(["task", "published", "again", "difference", "allowed", "unit"], rows)


def rebuilt_table(pairs: Sequence[tuple[Record, Record]], board: Board) -> tuple[str, int]:
    """Return, for every pair of published and fresh record, the largest difference in units of its tolerance.

    Returns:
        the table, and the number of runs that differ by more than is allowed.
    """
    rows, beyond = [], 0
    for published, fresh in sorted(pairs, key=lambda pair: (pair[0].name, pair[0].seed)):
        allowed = tolerances(published, board)
        gaps = {
            task: abs(fresh.primary[task].value - primary.value)
            for task, primary in published.primary.items()
        }
        worst = max(gaps, key=lambda task: gaps[task] / allowed[task] if allowed[task] else gaps[task])
        equal = published.metrics == fresh.metrics
        within = all(gap <= allowed[task] for task, gap in gaps.items())
        beyond += not within
        verdict = "equal" if equal else "within" if within else "BEYOND"
        rows.append(
            [
                published.name,
                str(published.seed),
                verdict,
                worst,
                f"{gaps[worst]:.2g}",
                f"{allowed[worst]:.2g}",
            ]
        )
    return table(["method", "seed", "verdict", "task", "difference", "allowed"], rows), beyond

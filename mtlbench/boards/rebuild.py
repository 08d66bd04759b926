"""Run everything that a board is made of, beside what is published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtlbench.boards.admission import admit
from mtlbench.boards.board import load_board
from mtlbench.boards.errors import BadBoard
from mtlbench.errors import did_you_mean
from mtlbench.results.schema import Record
from mtlbench.sweep.jobs import Job, Outcome, plan


def jobs_of(folder: Path, work_dir: Path, root: Path | None = None) -> list[Job]:
    """Return one job for each config and seed of the board in `folder`.

    Args:
        folder: the board's folder.
        work_dir: where the runs go.
        root: the folder that holds ``configs/``; by default the one that holds the board's leaderboards.

    Raises:
        BadBoard: ``board.toml`` is wrong, or names a config that is not there.
    """
    board = load_board(folder)
    root = root or Path(folder).resolve().parent.parent
    files = [root / config for config in board.configs]
    missing = [path.relative_to(root).as_posix() for path in files if not path.is_file()]
    if missing:
        raise BadBoard(
            f"{folder}/board.toml names {missing[0]}, which is not in {root}. Rebuild a board inside the "
            "repository that it lies in."
        )
    return plan(files, board.seeds, work_dir)


def only(jobs: Sequence[Job], methods: Sequence[str]) -> list[Job]:
    """Return the jobs of some methods.

    Raises:
        BadBoard: no config of the board trains one of them.
    """
    names = {job: job.run_id.rpartition("-seed")[0][:-9] for job in jobs}  # less the hash
    unknown = [method for method in methods if method not in names.values()]
    if unknown:
        raise BadBoard(
            f'No config of the board trains "{unknown[0]}".{did_you_mean(unknown[0], names.values())}'
        )
    return [job for job in jobs if names[job] in methods]


def pairs(folder: Path, outcomes: Sequence[Outcome]) -> list[tuple[Record, Record]]:
    """Return the published and the fresh record of every run that is both published and finished."""
    published = {record.run_id: record for record in admit(folder, load_board(folder))[0]}
    fresh = [outcome.record for outcome in outcomes if outcome.record]
    return [(published[record.run_id], record) for record in fresh if record.run_id in published]

"""Run everything that a board is made of, beside what is published."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from mtlbench.boards.admission import admit
from mtlbench.boards.board import load_board
from mtlbench.boards.errors import BadBoard
from mtlbench.errors import did_you_mean
from mtlbench.results.schema import Record
from mtlbench.sweep.jobs import Job, Outcome, plan

#: no run is expected to take more medians than these: who claims years would hardly ever be drawn
LONGEST = 4


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


def drawn(folder: Path, jobs: Sequence[Job], seconds: float, seed: int) -> tuple[list[Job], float]:
    """Draw jobs at random for as long as they fit into a budget, at least one.

    Args:
        folder: the board's folder, whose records say how long each run trained; a run without a record is
            expected to take the median, and none more than `LONGEST` medians.
        jobs: what to draw from.
        seconds: the budget, of one run at a time.
        seed: of the draw; the same draws the same jobs.

    Returns:
        The jobs in the order they were drawn in, so that the first of them are a draw, too, and the seconds
        that they are expected to take.

    Raises:
        BadBoard: no record says how long it trained.
    """
    records = admit(folder, load_board(folder))[0]
    known = {record.run_id: record.cost.train_seconds for record in records if record.cost.train_seconds}
    if not known:
        raise BadBoard(f"No record of {folder} says how long it trained; rebuild all of it, or some methods.")
    usual = statistics.median(known.values())
    chosen, spent = list[Job](), 0.0
    for job in random.Random(seed).sample(jobs, len(jobs)):
        expected = min(known.get(job.run_id, usual), LONGEST * usual)
        if chosen and spent + expected > seconds:
            break
        chosen.append(job)
        spent += expected
    return chosen, spent


def pairs(folder: Path, outcomes: Sequence[Outcome]) -> list[tuple[Record, Record]]:
    """Return the published and the fresh record of every run that is both published and finished."""
    published = {record.run_id: record for record in admit(folder, load_board(folder))[0]}
    fresh = [outcome.record for outcome in outcomes if outcome.record]
    return [(published[record.run_id], record) for record in fresh if record.run_id in published]

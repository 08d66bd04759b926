"""Run what is missing of a grid, and collect what is finished."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mtlbench.results.store import write_record
from mtlbench.sweep.engine import Engine, Limits
from mtlbench.sweep.errors import SweepError
from mtlbench.sweep.jobs import Job, Outcome
from mtlbench.sweep.progress import Watch

#: name -> module whose function `run` is the engine; imported on first use
ENGINES = {
    "local": "mtlbench.sweep.local",
    "ray": "mtlbench.sweep.ray_cluster",
    "slurm": "mtlbench.sweep.slurm",
}


def sweep(jobs: Sequence[Job], engine: str, limits: Limits, console: Console) -> list[Outcome]:
    """Run the jobs that have no record yet, and return how all of them ended, in their order.

    Args:
        jobs: of `plan`.
        engine: a key of `ENGINES`.
        limits: how much at once.
        console: where progress is shown.

    Raises:
        SweepError: the engine is not there, or a run's folder cannot be made.
    """
    outcomes = {job: Outcome(job, record) for job in jobs if (record := job.record())}
    missing = [job for job in jobs if job not in outcomes]
    if outcomes:
        console.print(f"{len(outcomes)} of {len(jobs)} runs are finished already.", highlight=False)
    _make_folders(missing)
    if missing:
        run: Engine = importlib.import_module(ENGINES[engine]).run
        with Watch(len(missing), console) as watch:
            for outcome in run(missing, limits, watch.look):
                outcomes[outcome.job] = outcome
                watch.ended(outcome)
    return [outcomes[job] for job in jobs]


def _make_folders(jobs: Sequence[Job]) -> None:
    for job in jobs:
        try:
            job.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SweepError(
                f"The folder {job.folder} cannot be made ({error.strerror}). Choose another with --work-dir."
            ) from error


def collect(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Copy the records of finished runs to ``<folder>/<method>/<run_id>.json``, each once."""
    return [
        write_record(outcome.record, Path(folder) / outcome.record.name)
        for outcome in outcomes
        if outcome.record
    ]

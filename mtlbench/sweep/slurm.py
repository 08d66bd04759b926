"""Submit jobs to Slurm as one array, and wait for them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mtlbench.sweep.engine import Limits, execute, first_line
from mtlbench.sweep.errors import SweepError
from mtlbench.sweep.jobs import Job, Outcome

PAUSE = 5.0
HOURS = 4
TIMEOUTS = 50  # allocations that a run may use up; submitit's own bound is 3


class Task:
    """Run a job in an allocation; hand itself in again when the time of the allocation is over."""

    def __call__(self, job: Job, folder: str) -> int:
        """Run the job, or go on with it."""
        return execute(job, folder)

    def checkpoint(self, job: Job, folder: str) -> Any:
        """Return what the scheduler is to run next: the same, which goes on from its last checkpoint."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, job, folder)


def run(jobs: Sequence[Job], limits: Limits, look: Callable[[Iterable[Job]], None]) -> Iterator[Outcome]:
    """Submit every job as an element of one array, and yield how each ended.

    Nodes must see the work dir, the data and the same installation. A job that is preempted or runs out of
    its time goes back into the queue and goes on from its last checkpoint. If this process ends, the array
    goes on; the same command later collects what is finished.

    Args:
        jobs: what to run.
        limits: `processes` bounds how many elements run at the same time; `slurm` holds parameters as
            submitit names them: `partition`, `account`, `timeout_min`, ...
        look: called now and then with the jobs under way.

    Raises:
        SweepError: submitit is not installed, or there is no Slurm.
    """
    try:
        import submitit
    except ImportError as error:
        raise SweepError(
            'The engine "slurm" needs submitit: pip install "mtlbench[slurm]", or use --engine local.'
        ) from error
    if not jobs:
        return
    given = dict(limits.slurm)
    cluster = given.pop("cluster", "slurm")
    try:
        executor = submitit.AutoExecutor(
            folder=jobs[0].root / "slurm", cluster=cluster, slurm_max_num_timeout=TIMEOUTS
        )
        executor.update_parameters(
            name="mtlbench",
            timeout_min=int(given.pop("timeout_min", 60 * HOURS)),
            mem_gb=max(1, round(limits.memory)),
            cpus_per_task=limits.threads or 1,
            slurm_array_parallelism=limits.processes or len(jobs),
            **({"gpus_per_node": round(limits.gpus)} if limits.gpus else {}),
            **{(key if key.startswith("slurm_") else f"slurm_{key}"): value for key, value in given.items()},
        )
        handed_in = executor.map_array(Task(), jobs, [os.getcwd()] * len(jobs))
        pending = dict(zip(handed_in, jobs, strict=True))
    except (RuntimeError, NameError, ValueError, OSError) as error:
        raise SweepError(f"Slurm did not take the jobs: {error}") from error
    while pending:
        look([job for job in pending.values() if job.console.exists()])
        for submitted in [submitted for submitted in pending if submitted.done()]:
            job, lost = pending.pop(submitted), submitted.exception()
            yield Outcome.of(job, None, first_line(lost)) if lost else Outcome.of(job, submitted.result())
        if pending:
            time.sleep(PAUSE)

"""Run jobs on a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mtlbench.sweep.engine import Limits, cores, execute, first_line
from mtlbench.sweep.errors import SweepError
from mtlbench.sweep.jobs import Job, Outcome

PAUSE = 1.0
RETRIES = 5
GIB = 2**30


def run(jobs: Sequence[Job], limits: Limits, look: Callable[[Iterable[Job]], None]) -> Iterator[Outcome]:
    """Run every job as a Ray task, and yield how each ended.

    All nodes must see this folder, the work dir, the data and the same installation. A job whose worker or
    node is lost is run again elsewhere, up to five times, and goes on from its last checkpoint. Every task
    has a process of its own, so that memory and settings of one run never reach the next.

    Raises:
        SweepError: Ray is not installed, the cluster cannot be reached, or this machine cannot hold one run.
    """
    try:
        import ray
    except ImportError as error:
        raise SweepError(
            'The engine "ray" needs Ray: pip install "mtlbench[ray]", or use --engine local.'
        ) from error
    local = dict[str, object]() if limits.address else {"include_dashboard": False, "num_cpus": cores()}
    try:
        ray.init(address=limits.address, log_to_driver=False, configure_logging=False, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SweepError(f"No Ray cluster answers at {limits.address}: {error}") from error
    try:
        threads = limits.threads or 1
        if not limits.address:  # a cluster of several machines may grow when it is asked
            asked = {"CPU": threads, "GPU": limits.gpus, "memory": limits.memory * GIB}
            _check(ray.cluster_resources(), asked)
        settings = {name: value for name, value in os.environ.items() if name.startswith("MTLBENCH_")}
        task = ray.remote(
            num_cpus=threads,
            num_gpus=limits.gpus,
            memory=int(limits.memory * GIB),
            max_retries=RETRIES,
            max_calls=1,
            runtime_env={"env_vars": {**settings, "OMP_NUM_THREADS": str(threads)}},
        )(execute)
        pending = dict[Any, Job]()
        waiting = list(jobs)
        at_once = limits.processes or len(waiting)
        while waiting or pending:
            while waiting and len(pending) < at_once:
                job = waiting.pop(0)
                pending[task.remote(job, os.getcwd())] = job
            done, _ = ray.wait(list(pending), timeout=PAUSE)
            look([job for job in pending.values() if job.console.exists()])
            for reference in done:
                job = pending.pop(reference)
                try:
                    outcome = Outcome.of(job, ray.get(reference))
                except ray.exceptions.RayError as error:
                    cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else error
                    outcome = Outcome.of(job, None, first_line(cause))
                yield outcome
    finally:
        ray.shutdown()


def _check(there: Mapping[str, float], asked: Mapping[str, float]) -> None:
    short = [name for name, amount in asked.items() if there.get(name, 0) < amount]
    if short:
        raise SweepError(
            f"This machine has less {short[0]} for Ray than one run asks for: lower --threads, --gpus or "
            "--memory, or name a cluster with --address."
        )

"""Make the record of a finished run."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import torch

from mtlbench.contracts.dataset import Dataset
from mtlbench.contracts.task import Task
from mtlbench.engine.config import Experiment
from mtlbench.engine.errors import RunError
from mtlbench.engine.hooks.cost import CostHook
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.results import provenance
from mtlbench.results.schema import Cost, Primary, Record, run_id


def make_record(
    experiment: Experiment,
    seed: int,
    tasks: Mapping[str, Task],
    metrics: dict[str, dict[str, float]],
    epochs: EpochHook,
    **measured: Any,
) -> Record:
    """Return the record of a run; `measured` holds the fields that are kept as they are.

    Raises:
        RunError: a metric is not a number.
    """
    require_numbers(metrics)
    primary = {
        name: Primary(
            metric=task.primary.name,
            value=metrics[name][task.primary.name],
            unit=task.primary.unit,
            higher_is_better=task.primary.higher_is_better,
        )
        for name, task in tasks.items()
    }
    return Record(
        run_id=run_id(experiment.name, experiment.hash, seed),
        name=experiment.name,
        board=experiment.board,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seed=seed,
        config=experiment.canonical(),
        config_hash=experiment.hash,
        protocol_hash=experiment.protocol_hash,
        metrics=metrics,
        primary=primary,
        rank_map=epochs.rank_maps[-1] if epochs.rank_maps else None,
        curves=_by_task(epochs.curves, tasks),
        weights=_by_task(epochs.weights, tasks),
        conflicts=epochs.conflicts.means() or None,
        **measured,
    )


def _by_task(epochs: Sequence[Mapping[str, float]], tasks: Iterable[str]) -> dict[str, list[float]]:
    """Return task -> its number of each epoch in which it was active."""
    return {task: [epoch[task] for epoch in epochs if task in epoch] for task in tasks}


def require_numbers(metrics: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse metrics that no image decided.

    Raises:
        RunError: names the first task with a metric that is NaN or infinite.
    """
    for task, values in metrics.items():
        for metric, value in values.items():
            if not math.isfinite(value):
                raise RunError(
                    f"The metric {metric} of the task {task!r} is {value}: the evaluation split has no valid "
                    "label pixel that decides it. Check the labels (mtlbench data check), or leave "
                    f"{task!r} out of the config's tasks."
                )


def make_cost(
    cost: CostHook, macs: int, passes: int, batch_size: int, epoch_length: int, first_ms: float | None
) -> Cost:
    """Return what the run was measured to cost.

    Args:
        cost: what measured.
        macs: multiply-accumulates per image; 0 where they could not be counted.
        passes: runs of the backbone per image.
        batch_size: images of one step, over all processes.
        epoch_length: steps per epoch.
        first_ms: median step of the first epoch, where an earlier process trained it.
    """
    step = cost.step_ms()
    return Cost(
        forward_passes=float(passes),
        macs=macs or None,
        step_time_ms=step,
        step_time_first_ms=first_ms or cost.step_ms(slice(0, epoch_length)),
        step_time_last_ms=cost.step_ms(slice(-epoch_length, None)),
        peak_memory_mb=cost.peak_memory_mb,
        train_seconds=cost.train_seconds,
        images_per_second=1000 * batch_size / step if step else None,
    )


def make_provenance(
    components: Mapping[str, str], datasets: tuple[Dataset, Dataset], device: str, weights: str
) -> provenance.Provenance:
    """Return where a run came from; `components` are those that `register` returned."""
    cpu = platform.machine() + " cpu"
    return provenance.collect(
        plugins={text.split(":")[0]: text.rsplit("==", 1)[1] for text in components.values()},
        device=torch.cuda.get_device_name() if device.startswith("cuda") else cpu,
        threads=torch.get_num_threads(),
        data={"train": datasets[0].fingerprint(), "val": datasets[1].fingerprint()},
        weights=weights,
    )

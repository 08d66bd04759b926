"""Say which runs a config stands for, and where each of them lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtlbench.engine.config import Experiment
from mtlbench.errors import MtlbenchError


def runs_of(experiment: Experiment, folder: Path, only: Sequence[str] = ()) -> list[tuple[Experiment, Path]]:
    """Return the experiments that a config trains, each with the folder that holds its seeds.

    That is one in `folder` itself; of a config with `single_task`, one per task, each in a folder of its own.

    Args:
        experiment: a validated config.
        folder: where its runs lie.
        only: keep these tasks of a config with `single_task`; empty keeps all.

    Raises:
        MtlbenchError: `only` names a task that isn't there, or the config trains its tasks together.
    """
    if not experiment.single_task:
        if only:
            raise MtlbenchError(
                "--task is for configs with single_task = True; this one trains its tasks together."
            )
        return [(experiment, folder)]
    unknown = set(only) - set(experiment.tasks)
    if unknown:
        raise MtlbenchError(
            f"The config has no task {sorted(unknown)[0]!r}; it has {', '.join(experiment.tasks)}."
        )
    return [
        (experiment.with_tasks([task], f"{experiment.name}-{task.replace('_', '-')}"), folder / task)
        for task in only or experiment.tasks
    ]


def parse_seeds(words: Sequence[str]) -> list[int]:
    """Return the distinct seeds that are written in `words`, separated by spaces or commas.

    Raises:
        MtlbenchError: something is no whole number.
    """
    numbers = " ".join(words).replace(",", " ").split()
    if not numbers or not all(word.isascii() and word.isdigit() for word in numbers):
        raise MtlbenchError(f"{' '.join(words)!r} are not seeds; write whole numbers, as in --seeds 0 1 2.")
    return list(dict.fromkeys(int(word) for word in numbers))

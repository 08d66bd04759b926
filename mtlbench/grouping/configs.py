"""Write configs that train groups of a config's tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from mtlbench.engine.config import load_experiment
from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.search import Candidate


def write_configs(config: Path, groups: Sequence[Candidate], folder: Path) -> list[Path]:
    """Write one config per group, which inherits all but its name and tasks, and return their paths.

    Args:
        config: the file that they inherit from.
        groups: of its tasks.
        folder: where to write.

    Raises:
        ConfigError: the config cannot be read.
        GroupingError: a group has a task that the config lacks.
    """
    experiment, written = load_experiment(config), []
    for number, group in enumerate(groups, start=1):
        unknown = [task for task in group.tasks if task not in experiment.tasks]
        if unknown:
            raise GroupingError(
                f"The config {config} has no task {unknown[0]!r}; it has {', '.join(experiment.tasks)}. "
                "Pass the config that the results are of."
            )
        name = f"{experiment.name}-{'-'.join(group.tasks)}".replace("_", "-")
        if len(name) > 100:  # the longest name that records take
            name = f"{experiment.name[:90]}-group{number}"
        base = Path(os.path.relpath(config.resolve(), folder.resolve())).as_posix()
        lines = [
            f"# {', '.join(group.tasks)}: one of {len(groups)} groups of tasks of {config.name}.",
            f'_base_ = "{base}"',
            f'name = "{name}"',
            f"only = {json.dumps(group.tasks)}",
            *(["single_task = False"] if experiment.single_task else []),
        ]
        path = folder / f"{name.replace('-', '_').replace('.', '_')}.py"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        load_experiment(path)
        written.append(path)
    return written

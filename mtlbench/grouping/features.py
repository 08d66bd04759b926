"""Take the features that single-task models of a config have of the same images."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

from mtlbench.engine import checkpoint
from mtlbench.engine.config import Experiment
from mtlbench.engine.datasets import eval_loader, open_datasets
from mtlbench.engine.hooks.checkpointing import restore
from mtlbench.engine.model import MultiTaskModel
from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.measure import Start, fresh_model, train
from mtlbench.plugin.catalog import Catalog

#: maps are averaged to so many places, so that images of any size have features of one length
_PLACES = (4, 4)


def single_task_features(
    experiment: Experiment, catalog: Catalog, start: Start, images: int, runs: Path | None = None
) -> dict[str, np.ndarray]:
    """Return task -> deepest level of its model's pyramid on the first evaluation images, (N, D).

    Args:
        experiment: trained on one task at a time, all from the same weights.
        catalog: of its components.
        start: how long, where there are no finished runs.
        images: N, fewer where the split has fewer.
        runs: folder of finished single-task runs, as `mtlbench run` leaves it: <task>/seed<n>/checkpoints.

    Raises:
        GroupingError: there is one task, or a checkpoint is not there.
        CheckpointError: a checkpoint belongs to another config.
    """
    if len(experiment.tasks) < 2:
        raise GroupingError(
            f"The config has the task {', '.join(experiment.tasks)} alone: there is nothing to group."
        )
    found = {}
    for task in experiment.tasks:
        single = experiment.with_tasks([task], f"{experiment.name}-{task}".replace("_", "-"))
        if runs is None:
            model = train(single, catalog, start)
        else:
            model = _finished(single, catalog, start, runs / task / f"seed{start.seed}" / "checkpoints")
        found[task] = features(model, single, catalog, images)
    return found


@torch.no_grad()
def features(model: MultiTaskModel, experiment: Experiment, catalog: Catalog, images: int) -> np.ndarray:
    """Return the deepest level of a model's pyramid, averaged to 4 x 4 places, on `images` images (N, D)."""
    model.eval()
    device = next(model.parameters()).device
    kinds: dict[str, str] = {name: task.label_kind for name, task in model.tasks.items()}
    rows: list[np.ndarray] = []
    for batch in eval_loader(experiment, open_datasets(experiment, catalog)[1], kinds):
        _, levels = model.encode(batch["inputs"].to(device))
        maps = levels[-1][-1].float()  # of the stream that the task's predictions come from
        rows.append(adaptive_avg_pool2d(maps, _PLACES).flatten(1).cpu().numpy())
        if sum(map(len, rows)) >= images:
            break
    return np.array([*chain.from_iterable(rows)][:images])


def _finished(experiment: Experiment, catalog: Catalog, start: Start, folder: Path) -> MultiTaskModel:
    saved = checkpoint.load_latest(folder)
    if saved is None:
        raise GroupingError(
            f"{folder} holds no checkpoint of {', '.join(experiment.tasks)}: run the config with "
            f"--cfg-options single_task=true --seeds {start.seed}, or leave out --runs."
        )
    model = fresh_model(experiment, catalog, start)
    restore(saved, {"config": experiment.hash, "seed": start.seed, "processes": 1}, model)
    return model

"""Open the datasets of an experiment, before anything heavy is imported, and make loaders of them."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from mtlbench.contracts.dataset import Dataset
from mtlbench.data.decoded import open_decoded
from mtlbench.engine.config import ConfigError, Experiment, Schedule
from mtlbench.engine.labels import draw_labels
from mtlbench.engine.options import check_options
from mtlbench.plugin.catalog import Catalog

if TYPE_CHECKING:
    from mtlbench.engine.loader import Loader


def open_datasets(experiment: Experiment, catalog: Catalog) -> tuple[Dataset, Dataset]:
    """Return the training and the evaluation split; imports no torch, so a missing dataset is said at once.

    Datasets that read files are kept decoded, see `mtlbench.data.decoded`.

    Raises:
        MissingData: there are no files where the config says.
        ConfigError: an option is misspelt.
    """
    target = catalog.resolve("dataset", experiment.dataset.type)
    check_options("dataset", experiment.dataset, target)
    tasks = tuple(experiment.tasks)
    options = experiment.dataset.options
    train, val = (target(split=split, tasks=tasks, **options) for split in ("train", "val"))
    return open_decoded(train, tasks), open_decoded(val, tasks)


def train_loader(
    experiment: Experiment, dataset: Dataset, kinds: dict[str, str], seed: int, start: int
) -> tuple[Loader, int]:
    """Return the endless loader of this process from step `start` on, and the number of steps per epoch.

    Processes share the batch of a step equally, so that a run doesn't depend on how many they are.

    Raises:
        ConfigError: the batch cannot be shared equally.
    """
    from mtlbench.data.collate import collate_train
    from mtlbench.data.sampler import StepSampler
    from mtlbench.data.view import TrainView
    from mtlbench.engine import distributed
    from mtlbench.engine.loader import Loader
    from mtlbench.engine.registries import build

    schedule, processes = experiment.schedule, distributed.world_size()
    share, rest = divmod(schedule.batch_size, processes)
    if rest:
        raise ConfigError(
            f"{processes} processes cannot share schedule.batch_size={schedule.batch_size} equally; choose a "
            f"multiple of {processes}, or another number of processes."
        )
    protocol = build("label_protocol", experiment.label_protocol)
    drawn = draw_labels(experiment.label_protocol, protocol, dataset, kinds, seed)
    view = TrainView(dataset, kinds, _plain(experiment.train_transforms), seed, drawn.labels)
    sampler = StepSampler(len(dataset), share, seed, start, distributed.rank(), processes)
    collate = partial(collate_train, kinds=kinds)
    loader = Loader(view, collate, batch_sampler=sampler, num_workers=_workers(schedule))
    return loader, sampler.steps_per_epoch


def eval_loader(experiment: Experiment, dataset: Dataset, kinds: dict[str, str]) -> Loader:
    """Return the loader of this process's share of the evaluation split, every image once."""
    from torch.utils.data import Subset

    from mtlbench.data.collate import collate_eval
    from mtlbench.data.view import EvalView
    from mtlbench.engine import distributed
    from mtlbench.engine.loader import Loader

    legacy = experiment.evaluation.mode == "legacy448"
    view: Any = EvalView(dataset, kinds, _plain(experiment.eval_transforms), with_labels=legacy)
    share = range(distributed.rank(), len(view), distributed.world_size())
    schedule, collate = experiment.schedule, partial(collate_eval, kinds=kinds)
    return Loader(
        Subset(view, share), collate, batch_size=schedule.eval_batch_size, num_workers=_workers(schedule)
    )


def eval_rounds(experiment: Experiment, dataset: Dataset) -> int:
    """Return the number of batches of the process whose share of the evaluation split is the largest."""
    from mtlbench.engine import distributed

    images = -(-len(dataset) // distributed.world_size())
    return -(-images // experiment.schedule.eval_batch_size)


def _workers(schedule: Schedule) -> int:
    # never more than there are cores: what a batch holds does not depend on who reads it
    return min(schedule.workers, os.cpu_count() or 1)


def _plain(components: Any) -> list[dict[str, Any]]:
    return [{"type": component.type, **component.options} for component in components]

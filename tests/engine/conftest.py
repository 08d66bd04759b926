"""Build the tiny experiment in this process, in parts or as a whole run."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from rich.console import Console

from mtlbench.contracts.dataset import Dataset
from mtlbench.engine.config import Experiment, load_experiment
from mtlbench.engine.datasets import eval_loader, open_datasets, train_loader
from mtlbench.engine.experiment import RunOptions, run
from mtlbench.engine.freezing import optimizer_groups
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.optim import BalancedOptimWrapper, build_optimizer
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog
from mtlbench.results.schema import Record


class Parts(NamedTuple):
    """Hold what a run is made of."""

    experiment: Experiment
    datasets: tuple[Dataset, Dataset]
    model: MultiTaskModel
    kinds: dict[str, str]

    def batches(self, number: int, seed: int = 0) -> list[dict[str, Any]]:
        """Return the first training batches."""
        loader, _ = train_loader(self.experiment, self.datasets[0], self.kinds, seed, 0)
        return [batch for batch, _ in zip(loader, range(number), strict=False)]

    def eval_loader(self) -> Any:
        """Return the loader of the evaluation split."""
        return eval_loader(self.experiment, self.datasets[1], self.kinds)

    def wrapper(self) -> BalancedOptimWrapper:
        """Return the optimiser wrapper as a run builds it."""
        options, schedule = self.experiment.optimizer, self.experiment.schedule
        optimizer = build_optimizer(options, optimizer_groups(self.model, options.weight_decay))
        return BalancedOptimWrapper(
            optimizer, self.model, schedule.clip_grad, schedule.accumulate, schedule.amp
        )


@pytest.fixture
def load(tiny_config: Callable[..., Path]) -> Callable[..., Experiment]:
    """Return a function that loads the tiny experiment with overrides `key="value"`, `__` for a dot."""

    def load(*lines: str, **changes: Any) -> Experiment:
        values = {"+" + key.replace("__", "."): value for key, value in changes.items()}
        return load_experiment(tiny_config(*lines), values=values)

    return load


@pytest.fixture
def parts(load: Callable[..., Experiment]) -> Callable[..., Parts]:
    """Return a function that builds the parts of the tiny experiment, in training mode."""

    def build(*lines: str, **changes: Any) -> Parts:
        experiment, catalog = load(*lines, **changes), Catalog.load()
        register(experiment, catalog)
        tasks = build_tasks(experiment)
        torch.manual_seed(0)
        model = build_model(experiment, tasks).train()
        kinds = {name: task.label_kind for name, task in tasks.items()}
        return Parts(experiment, open_datasets(experiment, catalog), model, kinds)

    return build


@pytest.fixture
def train(load: Callable[..., Experiment], tmp_path: Path) -> Callable[..., tuple[Record, Path]]:
    """Return a function that runs the tiny experiment; returns the record and the work dir."""

    def train(
        *lines: str, work_dir: Path = tmp_path / "work", seed: int = 0, resume: bool = True, **changes: Any
    ) -> tuple[Record, Path]:
        experiment, catalog = load(*lines, **changes), Catalog.load()
        options = RunOptions(seed, work_dir, "cpu", resume)
        record, path = run(
            experiment, open_datasets(experiment, catalog), catalog, options, Console(file=io.StringIO())
        )
        assert path.is_file() and path.parent == work_dir
        return record, work_dir

    return train

"""Steps of a small network on images whose labels are partly hidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from mtlbench.contracts.learner import Learner, Step
from mtlbench.contracts.task import Task
from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets
from mtlbench.engine.freezing import optimizer_groups
from mtlbench.engine.model import build_model, build_tasks
from mtlbench.engine.optim import BalancedOptimWrapper, build_optimizer
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog
from mtlbench_tasks.depth import Depth
from mtlbench_tasks.edge import Edge
from mtlbench_tasks.normals import Normals
from mtlbench_tasks.regression import Regression
from mtlbench_tasks.semseg import SemSeg

CHANNELS = (4, 6, 8, 12)
SIZE = (32, 48)


def all_tasks() -> dict[str, Task]:
    """Return one task of every kind of label."""
    return {
        "albedo": Regression(3),
        "depth": Depth(),
        "disparity": Depth(inverse=True),
        "edge": Edge(),
        "normals": Normals(),
        "semseg": SemSeg(5),
    }


class Network(nn.Module):
    """Predict every task by a convolution of its own, beside four levels that one more convolution yields."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, 8, 3, padding=1)
        self.levels = nn.ModuleList(nn.Conv2d(8, width, 1) for width in CHANNELS)
        self.heads = nn.ModuleDict({name: nn.Conv2d(8, task.channels, 1) for name, task in tasks.items()})

    def forward(self, image: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        x = self.trunk(image).tanh()
        pooled = [nn.functional.avg_pool2d(level(x), 2**k)[None] for k, level in enumerate(self.levels, 1)]
        return pooled, {name: head(x) for name, head in self.heads.items()}


def make_labels(tasks: Mapping[str, Task], images: int) -> dict[str, Tensor]:
    """Return random labels of every kind, with some void pixels."""
    labels = {}
    for name, task in tasks.items():
        shape = (images, *SIZE)
        hole = torch.rand(shape) < 0.1
        if task.label_kind == "classes":
            labels[name] = torch.randint(max(2, task.channels), shape, dtype=torch.uint8).masked_fill(
                hole, 255
            )
        elif task.label_kind in ("scalar", "inverse"):
            labels[name] = (1 + 3 * torch.rand(shape)).masked_fill(hole, 0.0)
        elif task.label_kind == "vector":
            vectors = nn.functional.normalize(torch.randn(images, 3, *SIZE), dim=1)
            labels[name] = vectors.masked_fill(hole[:, None], 0.0)
        else:
            labels[name] = torch.rand(images, 3, *SIZE).masked_fill(hole[:, None], torch.nan)
    return labels


def make_step(network: Network, tasks: Mapping[str, Task], visible: Sequence[Sequence[str]]) -> Step:
    """Return a step on one image per entry of `visible`, which names the tasks that it has labels of."""
    torch.manual_seed(0)
    inputs = torch.randint(256, (len(visible), 3, *SIZE), dtype=torch.uint8)
    image = inputs / 128 - 1
    labels = make_labels(tasks, len(visible))
    labelled = {name: torch.tensor([name in shown for shown in visible]) for name in tasks}
    levels, outputs = network(image)
    return Step(image, levels, outputs, labels, labelled, network, inputs)


def extra(learner: Learner, step: Step, seed: int = 1) -> dict[str, Tensor]:
    """Return the losses of a learner, with random numbers of `seed`."""
    torch.manual_seed(seed)
    return learner.extra(step)


def reached(loss: Tensor, parts: Mapping[str, nn.Module | Tensor]) -> set[str]:
    """Return which modules or tensors a loss has a gradient for that is not zero."""
    found = set()
    for name, part in parts.items():
        tensors = [part] if torch.is_tensor(part) else [*part.parameters()]
        gradients = torch.autograd.grad(loss, tensors, allow_unused=True, retain_graph=True)
        if any(g is not None and g.abs().max() > 0 for g in gradients):
            found.add(name)
    return found


class Toolbox(NamedTuple):
    """Hold what tests build steps of; tests cannot import one another."""

    channels: tuple[int, ...]
    network: Callable[[Mapping[str, Task]], Network]
    labels: Callable[[Mapping[str, Task], int], dict[str, Tensor]]
    step: Callable[..., Step]
    extra: Callable[..., dict[str, Tensor]]
    reached: Callable[[Tensor, Mapping[str, nn.Module | Tensor]], set[str]]


@pytest.fixture
def tasks() -> dict[str, Task]:
    """Return one task of every kind of label."""
    return all_tasks()


@pytest.fixture
def toolbox() -> Toolbox:
    """Return what steps are built of."""
    return Toolbox(CHANNELS, Network, make_labels, make_step, extra, reached)


@pytest.fixture
def experiment(tiny_config: Callable[..., Path]) -> Callable[..., Any]:
    """Return a function that builds the tiny experiment: (model, optimiser wrapper, batch of `visible`)."""

    def build(visible: Sequence[Sequence[str]], *lines: str, **changes: Any) -> tuple[Any, Any, dict]:
        from mtlbench.data.collate import collate_train
        from mtlbench.data.view import TrainView

        values = {"+" + key.replace("__", "."): value for key, value in changes.items()}
        loaded, catalog = load_experiment(tiny_config(*lines), values=values), Catalog.load()
        register(loaded, catalog)
        tasks = build_tasks(loaded)
        torch.manual_seed(0)
        model = build_model(loaded, tasks).train()
        kinds = {name: task.label_kind for name, task in tasks.items()}
        dataset = open_datasets(loaded, catalog)[0]
        shown = dict.fromkeys(dataset.ids, ()) | dict(zip(dataset.ids, visible, strict=False))
        view = TrainView(dataset, kinds, [], 0, shown)
        batch = collate_train([view[0, index] for index in range(len(visible))], kinds)
        options, schedule = loaded.optimizer, loaded.schedule
        optimizer = build_optimizer(options, optimizer_groups(model, options.weight_decay))
        wrapper = BalancedOptimWrapper(
            optimizer, model, schedule.clip_grad, schedule.accumulate, schedule.amp
        )
        return model, wrapper, batch

    return build

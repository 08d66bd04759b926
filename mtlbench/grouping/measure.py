"""Measure how tasks act on each other in the first steps of a run."""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook
from torch import Tensor, nn

from mtlbench.engine import freezing
from mtlbench.engine.config import Experiment
from mtlbench.engine.conflicts import ALL, Conflicts
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.experiment import (
    RunOptions,
    build_runner,
    combine_gradients,
    image_size,
    require_device,
)
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.hooks.step import StepHook
from mtlbench.engine.loop import BUILD, seed_everything
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.optim import build_optimizer
from mtlbench.engine.registries import register
from mtlbench.engine.rows import Rows
from mtlbench.engine.sharing import owners
from mtlbench.grouping.affinity import Affinity
from mtlbench.grouping.errors import GroupingError
from mtlbench.plugin.catalog import Catalog

#: evaluates the active tasks' losses, on the same batch with the same random numbers each time
Losses = Callable[[], Mapping[str, Tensor]]


class Start(NamedTuple):
    """Say how the first steps of a run are taken: `steps` of them, measured at every `every`-th."""

    steps: int = 100
    every: int = 10
    seed: int = 0
    device: str = "cpu"


def affinity(experiment: Experiment, catalog: Catalog, method: str, start: Start) -> Affinity:
    """Take the first steps of a run and return how its tasks act on each other, as means over steps.

    `gradient` is the cosine of the gradients of two tasks' losses by all that both train, `lookahead` what
    `lookahead` says. The run itself is not changed by being measured.

    Raises:
        GroupingError: there is one task, tasks share nothing, or two were never labelled in one batch.
    """
    if len(experiment.tasks) < 2:
        raise GroupingError(
            f"The config has the task {', '.join(experiment.tasks)} alone: there is nothing to group."
        )
    hook = AffinityHook(start, looks_ahead=method == "lookahead")
    train(experiment, catalog, start, [hook])
    found = hook.lookaheads() if method == "lookahead" else hook.cosines()
    missing = [pair for pair in permutations(experiment.tasks, 2) if pair not in found]
    if missing:
        raise GroupingError(
            f"In no measured step were both {missing[0][0]} and {missing[0][1]} labelled and acting on what "
            "they share: raise --steps or schedule.batch_size, or lower --every."
        )
    return Affinity.of(method, experiment.tasks, found)


def lookahead(
    losses: Losses, before: Mapping[str, float], rows: Rows, step_size: float
) -> dict[tuple[str, str], float]:
    """Return the inter-task affinity Z_{i→j} of one step (Fifty et al., NeurIPS 2021),

        Z_{i→j} = 1 - L_j(θ - η ∇_θ L_i, θ_j) / L_j(θ, θ_j),

    where θ is what tasks share and θ_j what only task j has, which stays. Parameters are put back.

    Args:
        losses: see `Losses`.
        before: task -> L_j, of the active tasks.
        rows: the gradients of these losses by all that trains.
        step_size: η, of plain gradient descent.
    """
    kept = [parameter.detach().clone() for parameter in rows.inputs]
    nothing = torch.zeros(len(rows.tasks))
    found = {}
    for k, giver in enumerate(rows.tasks):
        alone = nothing.clone()
        alone[k] = 1.0
        with torch.no_grad():
            for i, parameter in enumerate(rows.inputs):
                gradient = rows.combine(i, alone, nothing)
                if gradient is not None:
                    parameter.sub_(step_size * gradient)
            after = {task: loss.item() for task, loss in losses().items()}
            for parameter, value in zip(rows.inputs, kept, strict=True):
                parameter.copy_(value)
        for receiver, loss in after.items():
            if before[receiver]:
                found[giver, receiver] = 1 - loss / before[receiver]
    return {pair: value for pair, value in found.items() if math.isfinite(value)}


class AffinityHook(Hook):
    """Measure before every `start.every`-th step of a run."""

    priority = "LOW"  # when the step is seeded and its learning rate set

    def __init__(self, start: Start, *, looks_ahead: bool) -> None:
        self.start = start
        self.looks_ahead = looks_ahead
        self.conflicts = Conflicts(())
        self.found: dict[tuple[str, str], list[float]] = defaultdict(list)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Measure on the batch of the step, and leave everything as it was."""
        if batch_idx % self.start.every:
            return
        model, wrapper = runner.model, runner.optim_wrapper
        data = model.data_preprocessor(data_batch, True)
        owner = owners(model, tuple(data["inputs"].shape[-2:]))

        def losses() -> Mapping[str, Tensor]:
            seed_everything(self.start.seed, batch_idx)
            with wrapper.optim_context(model):
                return model(**data, mode="loss").active

        with _buffers_kept(model):
            now = losses()
            rows = Rows(tuple(now), [*owner], owner)
            rows.add(now)
            if self.looks_ahead:
                before = {task: loss.item() for task, loss in now.items()}
                step_size = wrapper.optimizer.param_groups[0]["lr"]
                for pair, value in lookahead(losses, before, rows, step_size).items():
                    self.found[pair].append(value)
        seed_everything(self.start.seed, batch_idx)
        gram = rows.gram(torch.ones(len(rows.tasks), dtype=torch.float64)).sum(0, keepdim=True)
        if now and not gram.any():
            raise GroupingError(
                "The tasks of this config train no parameter together, so none of them acts on another: "
                "choose an adapter or a decoder that they share, or group by results."
            )
        self.conflicts.add(rows.tasks, ["shared"], gram)

    def cosines(self) -> dict[tuple[str, str], float]:
        """Return (task, other) -> mean cosine, both ways."""
        found = {}
        for pair, mean in self.conflicts.means().get(ALL, {}).items():
            a, _, b = pair.partition("|")
            found[a, b] = found[b, a] = mean
        return found

    def lookaheads(self) -> dict[tuple[str, str], float]:
        """Return (giver, receiver) -> mean affinity."""
        return {pair: math.fsum(values) / len(values) for pair, values in self.found.items()}


class StopHook(Hook):
    """End a run after some steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Stop after the last of the steps."""
        runner.train_loop.stop_training = batch_idx + 1 >= self.steps


def train(
    experiment: Experiment, catalog: Catalog, start: Start, hooks: Sequence[Hook] = ()
) -> MultiTaskModel:
    """Take the first steps of the run that `mtlbench run` makes of a config and a seed; return the model.

    Raises:
        RunError: the device cannot be used, or a balancer finds nothing that tasks share.
        NonFiniteLoss: training diverged.
    """
    datasets = open_datasets(experiment, catalog)
    model = fresh_model(experiment, catalog, start)
    kinds: dict[str, str] = {name: task.label_kind for name, task in model.tasks.items()}
    loader, epoch_length = train_loader(experiment, datasets[0], kinds, start.seed, 0)
    schedule, options = experiment.schedule, experiment.optimizer
    length = schedule.iterations or (schedule.epochs or 0) * epoch_length
    combination = combine_gradients(model, image_size(experiment, datasets[1], kinds))
    optimizer = build_optimizer(options, freezing.optimizer_groups(model, options.weight_decay))
    step = StepHook(start.seed, schedule, options.lr)
    epochs = EpochHook(combination.conflicts if combination else None)
    with tempfile.TemporaryDirectory() as folder:
        runner = build_runner(
            experiment,
            model,
            optimizer,
            loader,
            (0, length, epoch_length),
            RunOptions(start.seed, Path(folder), start.device),
            combination,
            [step, epochs, StopHook(start.steps), *hooks],
        )
        runner.train()
    return model


def fresh_model(experiment: Experiment, catalog: Catalog, start: Start) -> MultiTaskModel:
    """Build the model of a config as its run does."""
    require_device(start.device)
    register(experiment, catalog)
    tasks = build_tasks(experiment)
    seed_everything(start.seed, BUILD)
    return build_model(experiment, tasks).to(start.device)


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """Put back what forward passes change, such as running statistics."""
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])

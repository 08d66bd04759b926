"""Evaluate a model: maps in, metrics out, the same for any batch size, order and number of processes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mtlbench.engine import distributed
from mtlbench.engine.model import MultiTaskModel, resize_output
from mtlbench.engine.sharding import keep_pace
from mtlbench.metrics.bootstrap import Replicates, image_weights


class Scores(NamedTuple):
    """Hold what an evaluation found.

    `metrics` maps task -> metric -> value; `replicates` maps task -> the primary metric of every bootstrap
    replicate, and lacks tasks with too few labelled images.
    """

    metrics: dict[str, dict[str, float]]
    replicates: dict[str, list[float]]


@torch.no_grad()
def evaluate(
    model: MultiTaskModel,
    loader: Iterable[dict[str, Any]],
    mode: str,
    rounds: int = 0,
    size: tuple[int, int] = (32, 32),
) -> Scores:
    """Score all images of all processes' loaders.

    Every image is scored by itself against the label at the label's own size; meters hold additive
    statistics, which are added over processes in the order of ranks.

    Args:
        model: predicts raw outputs.
        loader: yields batches of `collate_eval`; each process its share, no image twice.
        mode: evaluation mode of the meters.
        rounds: how often every process has to predict, where weights are sharded; it makes up for what lacks
            with an empty image of `size`.
    """
    model.eval()
    makers = {name: partial(task.meter, mode) for name, task in model.tasks.items()}
    meters = {name: make() for name, make in makers.items()}
    replicates = {name: Replicates(make) for name, make in makers.items()}
    done = 0
    for batch in loader:
        done += 1
        outputs = model.predict(batch["inputs"])
        weights = [image_weights(image) for image in batch["ids"]]
        for name, output in outputs.items():
            for index, label in enumerate(batch["labels"][name]):
                if label is None:
                    continue
                resized = fit(output[index : index + 1], batch, index, tuple(label.shape[-2:]))
                single = makers[name]()
                single.update(model.tasks[name].decode(resized).cpu(), label[None])
                state = single.state()
                meters[name].merge(state)
                replicates[name].add(state, weights[index])
    keep_pace(model, done, rounds, torch.zeros(1, 3, *size, dtype=torch.uint8))
    if distributed.world_size() > 1:
        for name, make in makers.items():
            shards = distributed.gather((meters[name].state(), replicates[name].states()))
            meters[name], replicates[name] = make(), Replicates(make)
            for state, states in shards:
                meters[name].merge(state)
                replicates[name].merge(states)
    found = {name: replicates[name].values(task.primary.name) for name, task in model.tasks.items()}
    return Scores(
        {name: meter.compute() for name, meter in meters.items()},
        {name: values for name, values in found.items() if values},
    )


@torch.no_grad()
def recalibrate(model: MultiTaskModel, loader: Iterable[dict[str, Any]], batches: int) -> None:
    """Estimate the statistics of all batch norms anew, as means over some training batches.

    Everything else is in evaluation mode: the statistics are those of the network that is evaluated, where
    training passes were of another one (random ranks, say). No parameter changes.
    """
    model.eval()
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
    for number, batch in enumerate(islice(loader, batches), start=1):
        for norm in norms:
            norm.momentum = 1 / number  # a running mean of the batches, the first of which replaces what was
        model.predict(batch["inputs"])
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.eval()


def fit(output: Tensor, batch: dict[str, Any], index: int, size: tuple[int, int]) -> Tensor:
    """Resize one raw output (1, C, h, w) to its label, leaving out the padding of its image."""
    whole, (top, left, height, width) = tuple(batch["inputs"].shape[-2:]), batch["content"][index]
    if (height, width) != whole:
        output = resize_output(output, whole)[..., top : top + height, left : left + width]
    return resize_output(output, size)

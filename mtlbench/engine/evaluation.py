"""Evaluate a model: maps in, metrics out, the same for any batch size, order and number of processes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from mtlbench.engine import distributed
from mtlbench.engine.model import MultiTaskModel, resize_output


@torch.no_grad()
def evaluate(
    model: MultiTaskModel, loader: Iterable[dict[str, Any]], mode: str
) -> dict[str, dict[str, float]]:
    """Return task -> metric -> value over all images of all processes' loaders.

    Every image is scored by itself against the label at the label's own size; meters hold additive
    statistics, which are added over processes in the order of ranks.

    Args:
        model: predicts raw outputs.
        loader: yields batches of `collate_eval`; each process its share, no image twice.
        mode: evaluation mode of the meters.
    """
    model.eval()
    meters = {name: task.meter(mode) for name, task in model.tasks.items()}
    for batch in loader:
        outputs = model.predict(batch["inputs"])
        for name, output in outputs.items():
            for index, label in enumerate(batch["labels"][name]):
                if label is None:
                    continue
                resized = _fit(output[index : index + 1], batch, index, tuple(label.shape[-2:]))
                meters[name].update(model.tasks[name].decode(resized).cpu(), label[None])
    if distributed.world_size() > 1:
        for name, meter in meters.items():
            states = distributed.gather(meter.state())
            merged = model.tasks[name].meter(mode)
            for state in states:
                merged.merge(state)  # type: ignore[arg-type]
            meters[name] = merged
    return {name: meter.compute() for name, meter in meters.items()}


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


def _fit(output: Tensor, batch: dict[str, Any], index: int, size: tuple[int, int]) -> Tensor:
    """Resize one raw output to its label, leaving out the padding of its image."""
    whole, content = tuple(batch["inputs"].shape[-2:]), batch["content"][index]
    if content != whole:
        output = resize_output(output, whole)[..., : content[0], : content[1]]
    return resize_output(output, size)

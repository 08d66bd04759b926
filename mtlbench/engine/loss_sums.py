"""Sum the losses of tasks over the pixels, or over the images, of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.task import Task

#: maps (B, C_t, H, W) by task that one loss is taken of, each with its weight; the first are the outputs
Supervised = Sequence[tuple[float, Mapping[str, Tensor]]]
Sums = dict[str, tuple[Tensor, Tensor]]


def loss_sums(tasks: Mapping[str, Task], supervised: Supervised, labels: Mapping[str, Tensor]) -> Sums:
    """Return task -> (sum of the loss over valid pixels, their number)."""
    (_, outputs), *others = supervised
    sums = {task: tasks[task].loss(output, labels[task]) for task, output in outputs.items()}
    for weight, maps in others:
        for task, output in maps.items():
            more, _ = tasks[task].loss(output, labels[task])
            sums[task] = (sums[task][0] + weight * more, sums[task][1])
    return sums


def image_loss_sums(
    tasks: Mapping[str, Task], supervised: Supervised, labels: Mapping[str, Tensor], by_tasks: bool
) -> Sums:
    """Return task -> (sum over images of the mean over their valid pixels, number of valid pixels).

    With `by_tasks`, an image counts T / n_i times, where n_i of its T tasks have a valid pixel. One without
    any counts for nothing.
    """
    values, counts = {}, {}
    for task in supervised[0][1]:
        alone = []
        for image, label in enumerate(labels[task].split(1)):
            maps = [(weight, {task: m[task][image : image + 1]}) for weight, m in supervised if task in m]
            alone.append(loss_sums(tasks, maps, {task: label})[task])
        values[task] = torch.stack([value for value, _ in alone])
        counts[task] = torch.stack([count for _, count in alone])
    known = torch.stack([count > 0 for count in counts.values()]).sum(0)
    times = len(counts) / known.clamp_min(1) if by_tasks else torch.ones_like(known)
    return {
        task: ((values[task] * times / count.clamp_min(1)).sum(), count.sum())
        for task, count in counts.items()
    }

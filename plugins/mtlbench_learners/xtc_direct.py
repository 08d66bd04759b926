"""Cross-task consistency in the space of labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.learner import Step
from mtlbench.contracts.task import Task
from mtlbench_learners.maps import image_losses, prediction_map
from mtlbench_learners.pairs import Pairs, find_pairs
from mtlbench_learners.ramp import Ramped, anchor
from mtlbench_learners.views import shrink
from mtlbench_learners.xtc import PairMap


class XTCDirect(Ramped):
    """Map the prediction of an unlabelled task s to the label of a labelled one t.

    L = λ / B Σ_images Σ_(s, t) ℓ_t(f_{s→t}(ŷ_s), y_t), where ℓ_t is the loss of task t, a mean over the
    pixels of the image. Maps and task network learn together.

    Args:
        widths: channels of the stages of the mapping network.
        stride: of the maps that it reads and yields, in pixels.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        channels: Sequence[int],
        widths: Sequence[int] = (16, 32, 64),
        stride: int = 4,
        **options: Any,
    ) -> None:
        super().__init__(tasks, channels, **options)
        self.stride = stride
        self.maps = PairMap(list(self.tasks.values()), widths)

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the consistency of the batch."""
        pairs = find_pairs(list(self.tasks), step.labelled)
        loss = anchor([*step.outputs.values(), *self.parameters()])
        if len(pairs):
            outputs, labels = shrunk(step, pairs, list(self.tasks), self.stride)
            loss = loss + self.distance(pairs, outputs, labels) / len(step.image)
        return {"xtc-direct": self.weighted(loss)}

    def distance(self, pairs: Pairs, outputs: Sequence[Tensor], labels: Sequence[Tensor]) -> Tensor:
        """Return the sum of the losses of all pairs.

        Args:
            pairs: of the images.
            outputs: of every task, raw outputs of the pairs whose source it is (P_s, C_s, h, w).
            labels: of every task, labels of the pairs whose target it is (P_t, ..., h, w).
        """
        tasks = self.tasks.values()
        maps = [prediction_map(task, output) for task, output in zip(tasks, outputs, strict=True)]
        return fit(tasks, self.maps(maps, pairs.source, pairs.target), labels)


def fit(tasks: Iterable[Task], mapped: Sequence[Tensor], labels: Sequence[Tensor]) -> Tensor:
    """Return Σ over samples of the loss of their target task, a mean over pixels."""
    losses = [
        image_losses(task, output, label).sum()
        for task, output, label in zip(tasks, mapped, labels, strict=True)
        if len(label)
    ]
    return torch.stack(losses).sum()


def shrunk(step: Step, pairs: Pairs, tasks: Sequence[str], stride: int) -> tuple[list[Tensor], list[Tensor]]:
    """Return, by task, the outputs of the pairs from it and the labels of those to it, at 1 / `stride`."""
    size = [-(-side // stride) for side in step.image.shape[-2:]]
    outputs = [
        shrink(step.outputs[task], size)[pairs.image[pairs.source == t]] for t, task in enumerate(tasks)
    ]
    labels = [shrink(step.labels[task][pairs.image[pairs.target == t]], size) for t, task in enumerate(tasks)]
    return outputs, labels

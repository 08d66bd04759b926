"""Semi-supervised consistency between two views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlbench.contracts.learner import Step
from mtlbench.contracts.task import Task
from mtlbench_learners.maps import widen
from mtlbench_learners.ramp import Ramped, anchor
from mtlbench_learners.views import draw, move_images, move_outputs


class SSConsistency(Ramped):
    """Ask the network to say on a second view what it says on the first, where a task has no label.

    L = λ / B Σ_images Σ_(unlabelled t) mean over pixels of c_t d_t(ŷ', y), where y is what the network
    predicts for the first view, moved to the second and detached. Classes: cross entropy against the
    likeliest class, c = 1 where its probability exceeds `confidence`. Others: the difference where it is less
    than `difference`, of scalars and images L1, of vectors 1 - cos.

    Args:
        confidence: of pseudo-labels of classes.
        difference: of the views, in the unit of a scalar.
        zooms, flip: of the second view.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        channels: Sequence[int],
        confidence: float = 0.95,
        difference: float = 0.1,
        zooms: Sequence[float] = (1.0, 1.2, 1.5),
        flip: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(tasks, channels, **options)
        self.confidence, self.difference = confidence, difference
        self.zooms, self.flip = tuple(zooms), flip

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the inconsistency of the two views."""
        moves = draw(step.image, self.zooms, self.flip)
        _, outputs = step.again(move_images(step.image, moves))
        loss = anchor(outputs.values())
        for name, task in self.tasks.items():
            images = (~step.labelled[name]).nonzero()[:, 0]
            if len(images):
                first = widen(step.outputs[name].detach()[images])
                first = move_outputs(first, task.label_kind, [moves[image] for image in images.tolist()])
                loss = loss + self.distance(task, first, widen(outputs[name][images])).sum() / len(step.image)
        return {"ss-consistency": self.weighted(loss)}

    def distance(self, task: Task, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss of each image (B,) between raw outputs (B, C, H, W) of the same view."""
        if task.label_kind == "classes":
            if task.channels == 1:
                first, second = (torch.cat([torch.zeros_like(x), x], 1) for x in (first, second))
            sure, likeliest = first.softmax(1).max(1)
            error = F.cross_entropy(second, likeliest, reduction="none") * (sure > self.confidence)
            return error.mean((1, 2))
        if task.label_kind == "vector":
            error = 1 - F.cosine_similarity(first, second, dim=1)
        else:
            error = (first - second).abs()
        return (error * (error.detach() < self.difference)).flatten(1).mean(1)

"""Pseudo-labels of specialised teachers (Ghiasi et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.learner import Step
from mtlbench.contracts.task import Task
from mtlbench.engine.finished import UnusableRun, load_finished
from mtlbench.engine.model import resize_output
from mtlbench_learners.maps import VOID, image_losses
from mtlbench_learners.ramp import Ramped, anchor


class PseudoLabel(Ramped):
    """Fill missing labels with what teachers predict.

    L = λ / B Σ_images Σ_(unlabelled t) ℓ_t(ŷ_t, pseudo-label of t), where ℓ_t is the loss of task t, a mean
    over the pixels of the image. Tasks without a teacher stay unlabelled.

    Args:
        teachers: task -> finished run that predicts it: its work dir, its record or its run id.
        root: folder of these; not part of what a record says of the config.
        confidence: probability that a pseudo-label of classes must exceed; others are void.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        channels: Sequence[int],
        teachers: Mapping[str, str],
        root: str = ".",
        confidence: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(tasks, channels, **options)
        unknown = sorted(set(teachers) - set(tasks))
        if unknown:
            raise UnusableRun(
                f"There is a teacher for {unknown[0]!r}, which is none of the tasks: {', '.join(tasks)}."
            )
        self.confidence = confidence
        # a plain mapping: teachers are no part of the model, its checkpoints and its counts
        self.teachers = {task: load_finished(name, Path(root), task) for task, name in teachers.items()}

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the loss on pseudo-labels by task."""
        losses = {}
        for name, teacher in self.teachers.items():
            loss = anchor([step.outputs[name]])
            images = (~step.labelled[name]).nonzero()[:, 0]
            if len(images):
                teacher.to(step.inputs.device)
                size = (step.inputs.shape[-2], step.inputs.shape[-1])
                output = resize_output(teacher.predict(step.inputs[images])[name], size)
                label = self.label(self.tasks[name], output)
                found = image_losses(self.tasks[name], step.outputs[name][images], label)
                loss = loss + found.sum() / len(step.image)
            losses[f"pseudo-label.{name}"] = self.weighted(loss)
        return losses

    @torch.no_grad()
    def label(self, task: Task, output: Tensor) -> Tensor:
        """Return raw outputs of a teacher (B, C, H, W) as labels, void where it is not sure of a class."""
        decoded = task.decode(output)
        if task.label_kind != "classes":
            return decoded
        if task.channels == 1:
            sure, classes = torch.maximum(decoded, 1 - decoded), (decoded > 0.5).long()
        else:
            sure, classes = output.softmax(1).amax(1), decoded
        return classes.where(sure > self.confidence, VOID).to(torch.uint8)

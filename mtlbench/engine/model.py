"""The one model: backbone with its adapter, decoder, task losses, learner and balancer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.contracts.balancer import Balancer
from mtlbench.contracts.decoder import Decoder
from mtlbench.contracts.learner import Learner, Step
from mtlbench.contracts.task import Task
from mtlbench.engine import distributed, freezing
from mtlbench.engine.config import Experiment
from mtlbench.engine.layers import resize
from mtlbench.engine.registries import build


@dataclass
class TaskLosses:
    """Hold one step's scalars: a loss per active task, further ones by name, and the regularisers' sum.

    A loss has the value of the global batch and the gradient of this process's share, scaled so that the mean
    of the gradients over all processes is the gradient of the global loss.
    """

    active: dict[str, Tensor]
    extra: dict[str, Tensor]
    penalty: Tensor


class MultiTaskModel(BaseModel):
    """Predict every task from one image.

    Args:
        tasks: name -> task.
        backbone: frozen as the adapter wants it.
        adapter: already attached to the backbone.
        decoder, balancer, learner: as the config names them.
        injected: ids of the adapter's parameters.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        backbone: Backbone,
        adapter: Adapter,
        decoder: Decoder,
        balancer: Balancer,
        learner: Learner,
        injected: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.adapter = adapter
        self.injected = injected
        self.backbone = backbone
        self.decoder = decoder
        self.balancer = balancer
        self.learner = learner
        self.register_buffer("mean", torch.tensor(backbone.mean).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(backbone.std).view(3, 1, 1) * 255, persistent=False)

    def init_weights(self) -> None:
        """Keep the weights: components initialise themselves, and pretrained ones are loaded already."""

    def train(self, mode: bool = True) -> MultiTaskModel:
        """Switch to training, but keep parts of the backbone in which no parameter trains in evaluation mode.

        So neither statistics move there, nor is anything dropped.
        """
        super().train(mode)
        for module in self.backbone.modules():
            below = list(module.parameters())
            own = list(module.parameters(recurse=False))
            if below and not _train_any(below):
                module.eval()
            elif own and not _train_any(own):
                module.training = False
        return self

    def encode(self, inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Normalise uint8 images (B, 3, H, W) and return them with the four levels (S, B, C, h, w)."""
        image = (inputs - self.mean) / self.std
        return image, self.backbone(image)

    def forward(  # type: ignore[override]
        self,
        inputs: Tensor,
        labels: Mapping[str, Tensor] = MappingProxyType({}),
        labelled: Mapping[str, Tensor] = MappingProxyType({}),
        ids: Sequence[str] = (),
        mode: str = "tensor",
    ) -> Any:
        """Return `TaskLosses` (`mode="loss"`), or raw outputs per task as the decoder yields them."""
        image, levels = self.encode(inputs)
        decoded = self.decoder(levels)
        if mode == "tensor":
            return decoded.maps
        size = inputs.shape[-2:]
        outputs = {task: resize(output, size) for task, output in decoded.maps.items()}
        sums = {task: self.tasks[task].loss(output, labels[task]) for task, output in outputs.items()}
        for weight, maps in decoded.auxiliary:
            for task, output in maps.items():
                more, _ = self.tasks[task].loss(resize(output, size), labels[task])
                sums[task] = (sums[task][0] + weight * more, sums[task][1])
        active = _global_losses(sums)
        step = Step(image, levels, outputs, dict(labels), dict(labelled))
        penalty = self.adapter.penalty()
        return TaskLosses(
            active, self.learner.extra(step), image.new_zeros(()) if penalty is None else penalty
        )

    def parse_losses(  # type: ignore[override]
        self, losses: TaskLosses
    ) -> tuple[TaskLosses, dict[str, Tensor]]:
        """Hand the losses on unsummed: balancing is the optimiser wrapper's work."""
        return losses, {task: loss.detach() for task, loss in losses.active.items()}

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return raw outputs per task for uint8 images (B, 3, H, W), on their device."""
        return self(self.data_preprocessor.cast_data(inputs), mode="tensor")


def _train_any(parameters: Iterable[nn.Parameter]) -> bool:
    return any(parameter.requires_grad for parameter in parameters)


def resize_output(output: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize raw outputs (B, C, h, w) bilinearly to a label's (H, W), in float32."""
    return resize(output.float(), size)


def _global_losses(sums: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    names = list(sums)
    counts = torch.stack([sums[name][1].detach().float() for name in names])
    values = torch.stack([sums[name][0].detach().float() for name in names])
    if distributed.world_size() > 1:
        counts, values = distributed.total(torch.stack([counts, values]))
    losses = {}
    for name, count, value in zip(names, counts.tolist(), values, strict=True):
        if count > 0:
            share = sums[name][0] * (distributed.world_size() / count)
            losses[name] = share - share.detach() + value / count  # the same bits on every process
    return losses


def build_model(experiment: Experiment, tasks: Mapping[str, Task]) -> MultiTaskModel:
    """Build every component of the experiment (registered before) and put them together."""
    names = tuple(tasks)
    backbone: Backbone = build("backbone", experiment.backbone)
    adapter: Adapter = build("adapter", experiment.adapter, tasks=names)
    channels = backbone.channels
    injected = freezing.attach(adapter, backbone)
    outputs = {name: task.channels for name, task in tasks.items()}
    return MultiTaskModel(
        tasks,
        backbone,
        adapter,
        build("decoder", experiment.decoder, tasks=outputs, channels=channels),
        build("balancer", experiment.balancer, tasks=names),
        build("learner", experiment.learner, tasks=tasks, channels=channels),
        injected,
    )


def build_tasks(experiment: Experiment) -> dict[str, Task]:
    """Build the tasks of the experiment, in its order."""
    return {name: build("task", component) for name, component in experiment.tasks.items()}

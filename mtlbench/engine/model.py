"""The one model: backbone with its adapter, decoder, task losses, learner and balancer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from mtlbench.engine.chain import Chain
from mtlbench.engine.config import Component, Experiment
from mtlbench.engine.layers import resize
from mtlbench.engine.loss_sums import image_loss_sums, loss_sums
from mtlbench.engine.registries import build


@dataclass
class TaskLosses:
    """Hold one step's scalars: a loss per active task, further ones by name, and the regularisers' sum.

    A loss has the value of the global batch and the gradient of this process's share, scaled so that the mean
    of the gradients over all processes is the gradient of the global loss. In a step of several parts those
    of all parts add up. `levels` are the features between backbone and decoder.
    """

    active: dict[str, Tensor]
    extra: dict[str, Tensor]
    penalty: Tensor
    levels: list[Tensor] = field(default_factory=list)


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
        counts: Mapping[str, float] | None = None,
        share: float = 1.0,
    ) -> Any:
        """Return `TaskLosses` (`mode="loss"`), or raw outputs per task as the decoder yields them.

        `counts` are the valid pixels of the whole step, where this batch is a part of it, and `share` is its
        part of the images, by which the learner's losses count.
        """
        image, levels = self.encode(inputs)
        levels = [level.view_as(level) for level in levels]  # so that none leads to the next
        decoded = self.decoder(levels)
        if mode == "tensor":
            return decoded.maps
        size = inputs.shape[-2:]
        outputs = {task: resize(output, size) for task, output in decoded.maps.items()}
        supervised = [(1.0, outputs)]
        for weight, maps in decoded.auxiliary:
            supervised.append((weight, {task: resize(output, size) for task, output in maps.items()}))
        if self.learner.normaliser == "pixels":
            active = _global_losses(loss_sums(self.tasks, supervised, labels), counts)
        else:
            sums = image_loss_sums(self.tasks, supervised, labels, self.learner.normaliser == "tasks")
            images = round(len(inputs) / share) * distributed.world_size()
            active = _global_losses(sums, counts, images)
        step = Step(image, levels, outputs, dict(labels), dict(labelled), self.run, inputs)
        penalty = self.adapter.penalty()
        penalty = image.new_zeros(()) if penalty is None else penalty
        extra = self.learner.extra(step)
        if share < 1:
            penalty, extra = penalty * share, {name: loss * share for name, loss in extra.items()}
        return TaskLosses(active, extra, penalty, levels)

    def run(self, image: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Return levels and outputs per task, resized to the image, for a normalised image (B, 3, H, W)."""
        levels = self.backbone(image)
        maps = self.decoder(levels).maps
        return levels, {task: resize(output, image.shape[-2:]) for task, output in maps.items()}

    def train_step(self, data: dict[str, Any], optim_wrapper: Any) -> dict[str, Tensor]:
        """Take one step, its batch cut into `optim_wrapper.parts`; return the loss of every active task."""
        data = self.data_preprocessor(data, True)
        losses: dict[str, Tensor] = {}
        optim_wrapper.update_params(self._losses(data, optim_wrapper, losses))
        if self.balancer.looks_again:
            again: dict[str, Tensor] = {}
            with torch.no_grad():
                for _ in self._losses(data, optim_wrapper, again):
                    pass
            self.balancer.after_update({task: float(loss) for task, loss in again.items()})
        return losses

    def _losses(
        self, data: dict[str, Any], optim_wrapper: Any, sums: dict[str, Tensor]
    ) -> Iterator[TaskLosses]:
        """Yield the losses of one part of a batch after another, and add them up in `sums`."""
        for part in self._parts(data, optim_wrapper.parts):
            with optim_wrapper.optim_context(self):
                found = self(**part, mode="loss")
            for task, loss in found.active.items():
                sums[task] = sums[task] + loss.detach() if task in sums else loss.detach()
            yield found

    def _parts(self, data: dict[str, Any], number: int) -> list[dict[str, Any]]:
        """Cut a batch into parts of equal size, but for the last, that know the valid pixels of the whole."""
        if number == 1:
            return [data]
        images = len(data["inputs"])
        cut = -(-images // number)
        starts = range(0, images, cut)
        parts = [{key: _cut(value, start, start + cut) for key, value in data.items()} for start in starts]
        counts = torch.zeros(len(self.tasks), dtype=torch.float64)
        for t, (name, task) in enumerate(self.tasks.items()):
            for part in parts:
                label = part["labels"][name]
                empty = torch.zeros(
                    len(label), task.channels, *data["inputs"].shape[-2:], device=label.device
                )
                counts[t] += float(task.loss(empty, label)[1])
        total = dict(zip(self.tasks, distributed.total(counts).tolist(), strict=True))
        return [{**part, "counts": total, "share": len(part["inputs"]) / images} for part in parts]

    @torch.no_grad()
    def predict(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return raw outputs per task for uint8 images (B, 3, H, W), on their device."""
        return self(self.data_preprocessor.cast_data(inputs), mode="tensor")


def _train_any(parameters: Iterable[nn.Parameter]) -> bool:
    return any(parameter.requires_grad for parameter in parameters)


def resize_output(output: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize raw outputs (B, C, h, w) bilinearly to a label's (H, W), in float32."""
    return resize(output.float(), size)


def _cut(value: Any, start: int, stop: int) -> Any:
    """Take images `start` to `stop` of a part of a batch."""
    if isinstance(value, Mapping):
        return {key: _cut(item, start, stop) for key, item in value.items()}
    return value[start:stop]


def _global_losses(
    sums: Mapping[str, tuple[Tensor, Tensor]],
    whole: Mapping[str, float] | None = None,
    images: int | None = None,
) -> dict[str, Tensor]:
    """Return the loss of every task with a valid pixel; `whole` are the counts of a step that has parts.

    A sum is divided by its count, or by the number of all `images` of the step.
    """
    names = list(sums)
    counts = torch.stack([sums[name][1].detach().float() for name in names])
    values = torch.stack([sums[name][0].detach().float() for name in names])
    if distributed.world_size() > 1:
        counts, values = distributed.total(torch.stack([counts, values]))
    losses = {}
    known = counts.tolist() if whole is None else [whole[name] for name in names]
    for name, count, value in zip(names, known, values, strict=True):
        if count > 0:
            divisor = images or count
            share = sums[name][0] * (distributed.world_size() / divisor)
            losses[name] = share - share.detach() + value / divisor  # the same bits on every process
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
        build_balancer(experiment, names),
        build("learner", experiment.learner, tasks=tasks, channels=channels),
        injected,
    )


def build_balancer(experiment: Experiment, tasks: Sequence[str]) -> Balancer:
    """Build the balancer of the experiment, or the chain of those that its list names."""
    if isinstance(experiment.balancer, Component):
        return build("balancer", experiment.balancer, tasks=tasks)
    return Chain([build("balancer", component, tasks=tasks) for component in experiment.balancer])


def build_tasks(experiment: Experiment) -> dict[str, Task]:
    """Build the tasks of the experiment, in its order."""
    return {name: build("task", component) for name, component in experiment.tasks.items()}

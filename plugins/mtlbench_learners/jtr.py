"""Joint-task regularisation (Nishi et al., CVPR 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from mtlbench.contracts.learner import Step
from mtlbench.contracts.task import Task
from mtlbench_learners.autoencoder import AutoEncoder
from mtlbench_learners.maps import label_map, prediction_map, valid_pixels, widen
from mtlbench_learners.pairs import cosine_distance
from mtlbench_learners.ramp import Ramped, anchor
from mtlbench_learners.views import draw, move_images, move_labels, shrink

#: mean and standard deviation of depth in metres, from the public code
NYU_DEPTH = (2.3618, 1.5876)


class Stacks(NamedTuple):
    """Hold all tasks' maps of a view over channels (B, Σ C_t, h, w): predictions, and labels where known.

    `valid` says which pixels no label of an image misses (B, 1, h, w).
    """

    predicted: Tensor
    known: Tensor
    valid: Tensor


class JTR(Ramped):
    """Encode the predictions of all tasks together, and keep them near the labels in that code.

    Ŷ stacks all predictions over channels, Y the labels, with predictions in place of those that are missing.
    An auto-encoder g with code e reads them:

    L = λ_dist (D(e(Y₁), e(Ŷ₁)) + λ_view D(e(Y₂), e(Ŷ₂))) + λ_recon (R(g(Y₂), Y₂) + R(g(Ŷ₂), Ŷ₂)), D = 1 - cos
    over channels. On view 1 g is frozen, so that the gradient reaches the task network alone, through the
    predictions of unlabelled tasks; on view 2 the stacks are detached, so that it reaches g alone.

    Args:
        weight: λ_dist.
        view: λ_view.
        recon: λ_recon.
        widths: channels of the stages of g.
        stride: of the maps that g reads, in pixels.
        moments: task -> (mean, standard deviation) of a scalar, which the normal distribution function of
            these squashes to (0, 1); by default those of NYUv2's depth in the public code.
        zooms, flip: of the two views.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        channels: Sequence[int],
        weight: float = 4.0,
        view: float = 2.0,
        recon: float = 2.0,
        widths: Sequence[int] = (16, 32, 64),
        stride: int = 4,
        moments: Mapping[str, tuple[float, float]] | None = None,
        zooms: Sequence[float] = (1.0, 1.2, 1.5),
        flip: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(tasks, channels, weight, **options)
        self.view, self.recon, self.stride = view, recon, stride
        self.moments = dict(moments or {})
        self.zooms, self.flip = tuple(zooms), flip
        self.autoencoder = AutoEncoder(sum(task.channels for task in self.tasks.values()), widths)

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the distance of view 1, and the distance and the reconstruction of view 2.

        The ramp weakens view 1 alone: the auto-encoder learns from the start.
        """
        first, outputs = self._stacks(step)
        with torch.no_grad():
            second, _ = self._stacks(step)
        network = anchor(outputs) + self.weighted(self.network_loss(first))
        return {"jtr": network, "jtr-autoencoder": self.autoencoder_loss(second)}

    def network_loss(self, stacks: Stacks) -> Tensor:
        """Return the distance whose gradient reaches predictions alone."""
        frozen = {name: p.detach() for name, p in self.autoencoder.named_parameters()}
        both = torch.cat([stacks.known, stacks.predicted])
        known, predicted = widen(functional_call(self.autoencoder, frozen, (both, False))[0]).chunk(2)
        return cosine_distance(known, predicted).mean()

    def autoencoder_loss(self, stacks: Stacks) -> Tensor:
        """Return distance and reconstruction, whose gradient reaches the auto-encoder alone."""
        both = torch.cat([stacks.known, stacks.predicted]).detach()
        code, output = self.autoencoder(both)
        known, predicted = widen(code).chunk(2)
        distance = cosine_distance(known, predicted).mean()
        rebuilt = self.reconstruction(widen(output), both, stacks.valid.repeat(2, 1, 1, 1)).sum()
        return self.weight * self.view * distance + self.recon * rebuilt / len(stacks.valid)

    def reconstruction(self, output: Tensor, maps: Tensor, valid: Tensor) -> Tensor:
        """Return R of every stack (N,): cross entropy of classes, 1 - cos of vectors, L1 of all else."""
        pixels = valid.sum((1, 2, 3)).clamp_min(1)
        widths = [task.channels for task in self.tasks.values()]
        losses = []
        for task, x, y in zip(
            self.tasks.values(), output.split(widths, 1), maps.split(widths, 1), strict=True
        ):
            if task.label_kind == "classes":
                error = F.binary_cross_entropy_with_logits(x, y, reduction="none").sum(1)
            elif task.label_kind == "vector":
                error = 1 - F.cosine_similarity(x, 2 * y - 1, dim=1)
            else:
                x = x.sigmoid() if task.label_kind in ("scalar", "inverse") else x
                error = (x - y).abs().mean(1)
            losses.append((error * valid[:, 0]).sum((1, 2)) / pixels)
        return torch.stack(losses).sum(0)

    def _stacks(self, step: Step) -> tuple[Stacks, list[Tensor]]:
        """Return the stacks of a new view, and what the network put out for it."""
        moves = draw(step.image, self.zooms, self.flip)
        _, outputs = step.again(move_images(step.image, moves))
        size = [-(-side // self.stride) for side in step.image.shape[-2:]]
        labels = {}
        for name, task in self.tasks.items():
            images = step.labelled[name].nonzero()[:, 0]
            own = [moves[image] for image in images.tolist()]
            labels[name] = shrink(move_labels(step.labels[name][images], task.label_kind, own), size)
        small = {name: shrink(output, size) for name, output in outputs.items()}
        return self.stack(small, labels, step.labelled), list(outputs.values())

    def stack(
        self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], labelled: Mapping[str, Tensor]
    ) -> Stacks:
        """Return the stacks of raw outputs (B, C_t, h, w) and of the labels of the labelled images."""
        predicted, known = [], []
        valid = torch.ones_like(next(iter(outputs.values()))[:, :1], dtype=torch.bool)
        for name, task in self.tasks.items():
            has, images = labelled[name], labelled[name].nonzero()
            output = widen(outputs[name])
            maps = self._predicted(name, torch.where(has[:, None, None, None], output.detach(), output))
            predicted.append(maps)
            if len(images):  # else the labels have a stand-in of one channel
                maps = maps.index_put((images[:, 0],), self._known(name, labels[name]).to(maps))
                inside = valid[has] & valid_pixels(task, labels[name])
                valid = valid.index_put((images[:, 0],), inside)
            known.append(maps)
        return Stacks(*(torch.cat(stack, 1).where(valid, 0.0) for stack in (predicted, known)), valid)

    def _predicted(self, name: str, output: Tensor) -> Tensor:
        task = self.tasks[name]
        return self._squash(name, output) if _is_scalar(task) else prediction_map(task, output)

    def _known(self, name: str, label: Tensor) -> Tensor:
        task = self.tasks[name]
        return self._squash(name, label)[:, None] if _is_scalar(task) else label_map(task, label)[0]

    def _squash(self, name: str, value: Tensor) -> Tensor:
        mean, deviation = self.moments.get(name, NYU_DEPTH)
        return torch.special.ndtr((value - mean) / deviation)


def _is_scalar(task: Task) -> bool:
    return task.label_kind in ("scalar", "inverse")

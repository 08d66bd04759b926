"""Learning from partially annotated data (Li et al., CVPR 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtlbench.contracts.learner import Step
from mtlbench.contracts.task import Task
from mtlbench_learners.maps import label_map, prediction_map, widen
from mtlbench_learners.pairs import PairNetwork, Pairs, cosine_distance, find_pairs, pair_code
from mtlbench_learners.ramp import Ramped, anchor
from mtlbench_learners.views import draw, move_images, move_labels, shrink


class MTPSL(Ramped):
    """Map the prediction of an unlabelled task s and the label of a labelled one t to a space of their own.

    L = λ / B Σ_images Σ_(s, t) D(m(ŷ_s), m(y_t)) + ρ (D(m(ŷ_s), f) + D(m(y_t), f)), where D is 1 - cos over
    channels, averaged over pixels. m is one network whose FiLM vectors are those of the ordered pair, f the
    detached deepest feature of the network that is being trained, without which m could map everything to one
    point. All of it is taken on a second view of the images.

    Args:
        regulariser: ρ.
        widths: channels of the stages of m, which reads maps of 2^stages times the resolution of f.
        complete: whether images with all labels give every pair of two tasks, as the public code does where
            all images have them.
        zooms, flip: of the second view.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        channels: Sequence[int],
        weight: float = 2.0,
        regulariser: float = 0.5,
        widths: Sequence[int] = (16, 32, 64),
        complete: bool = False,
        zooms: Sequence[float] = (1.0, 1.2, 1.5),
        flip: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(tasks, channels, weight, **options)
        self.regulariser = regulariser
        self.complete = complete
        self.zooms, self.flip = tuple(zooms), flip
        self.mapping = PairNetwork(list(self.tasks.values()), widths)
        self.project = nn.Conv2d(widths[-1], channels[-1], 1)

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the consistency of the second view."""
        moves = draw(step.image, self.zooms, self.flip)
        levels, outputs = step.again(move_images(step.image, moves))
        feature = widen(levels[-1].detach()).mean(0)
        pairs = find_pairs(list(self.tasks), step.labelled, self.complete)
        loss = anchor([*outputs.values(), *self.parameters()])
        if len(pairs):
            size = [side * 2 ** len(self.mapping.stages) for side in feature.shape[-2:]]
            small = {task: shrink(output, size) for task, output in outputs.items()}
            labels = {}
            for t, (name, task) in enumerate(self.tasks.items()):
                images = pairs.image[pairs.target == t]
                own = [moves[image] for image in images.tolist()]
                labels[name] = shrink(move_labels(step.labels[name][images], task.label_kind, own), size)
            loss = loss + self.distance(pairs, small, labels, feature).sum() / len(step.image)
        return {"mtpsl": self.weighted(loss)}

    def distance(
        self, pairs: Pairs, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], feature: Tensor
    ) -> Tensor:
        """Return the loss of every pair (P,).

        Args:
            pairs: of the images.
            outputs: raw outputs of every image by task (B, C_t, h, w).
            labels: labels by task, one for each pair whose target it is, in their order (P_t, ..., h, w).
            feature: of every image (B, C, h / 2^stages, w / 2^stages).
        """
        maps = []
        for t, (name, task) in enumerate(self.tasks.items()):
            predicted = prediction_map(task, outputs[name][pairs.image[pairs.source == t]])
            # a batch without any such label has a stand-in of one channel
            known = label_map(task, labels[name])[0] if len(labels[name]) else predicted[:0]
            maps.append(torch.cat([predicted, known]))
        code = pair_code(pairs.source, pairs.target, len(self.tasks))
        mapped = self.mapping(maps, torch.cat([pairs.source, pairs.target]), code.repeat(2))[-1]
        source, target = widen(self.project(mapped)).chunk(2)
        f = feature[pairs.image]
        regular = cosine_distance(source, f) + cosine_distance(target, f)
        return cosine_distance(source, target) + self.regulariser * regular

"""Cross-task consistency as a mapping network sees it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from mtlbench.contracts.learner import Step
from mtlbench_learners.maps import label_map, prediction_map, soft_map
from mtlbench_learners.pairs import Pairs, find_pairs
from mtlbench_learners.ramp import anchor
from mtlbench_learners.xtc_direct import XTCDirect, fit, shrunk


class XTCPerceptual(XTCDirect):
    """Compare what the prediction of task s says about t with the label of t, both mapped on by f_{t→s}.

    L = λ / B Σ_images Σ_(s, t) |f_{t→s}(f_{s→t}(ŷ_s)) - f_{t→s}(y_t)|, over unlabelled s and labelled t, the
    mean over channels and pixels of probabilities, values and unit vectors. Its gradient reaches the task
    network alone. The maps learn from a loss of their own, whose gradient reaches them alone:
    ℓ_t(f_{s→t}(ŷ_s), y_t) + |f_{t→s}(y_t) - ŷ_s|.
    """

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return the consistency of the batch, and the loss of the maps, which no ramp weakens."""
        pairs = find_pairs(list(self.tasks), step.labelled)
        consistency, maps = anchor(step.outputs.values()), anchor(self.parameters())
        if len(pairs):
            outputs, labels = shrunk(step, pairs, list(self.tasks), self.stride)
            maps = maps + self.fit(pairs, outputs, labels) / len(step.image)
            consistency = consistency + self.distance(pairs, outputs, labels) / len(step.image)
        return {"xtc-perceptual": self.weighted(consistency), "xtc-maps": maps}

    def fit(self, pairs: Pairs, outputs: Sequence[Tensor], labels: Sequence[Tensor]) -> Tensor:
        """Return the summed loss of the maps of all pairs; arguments as of `distance`."""
        detached = [output.detach() for output in outputs]
        tasks = self.tasks.values()
        there = fit(tasks, self.maps(self._predicted(detached), pairs.source, pairs.target), labels)
        back = self.maps(self._known(labels, detached), pairs.target, pairs.source)
        return there + self._absolute(back, detached)

    def distance(self, pairs: Pairs, outputs: Sequence[Tensor], labels: Sequence[Tensor]) -> Tensor:
        """Return the summed consistency of all pairs."""
        frozen = {name: parameter.detach() for name, parameter in self.maps.named_parameters()}
        there = functional_call(self.maps, frozen, (self._predicted(outputs), pairs.source, pairs.target))
        back = functional_call(self.maps, frozen, (self._predicted(there), pairs.target, pairs.source))
        known = self._known(labels, outputs)
        return self._absolute(back, functional_call(self.maps, frozen, (known, pairs.target, pairs.source)))

    def _predicted(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        return [
            prediction_map(task, output) for task, output in zip(self.tasks.values(), outputs, strict=True)
        ]

    def _known(self, labels: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
        # a batch without any such label has a stand-in of one channel
        return [
            label_map(task, label)[0] if len(label) else output[:0]
            for task, label, output in zip(self.tasks.values(), labels, outputs, strict=True)
        ]

    def _absolute(self, outputs: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
        """Return Σ over samples of the mean absolute difference, both being what tasks may output."""
        differences = [
            (soft_map(task, a) - soft_map(task, b)).abs().mean((1, 2, 3)).sum()
            for task, a, b in zip(self.tasks.values(), outputs, others, strict=True)
        ]
        return torch.stack(differences).sum()

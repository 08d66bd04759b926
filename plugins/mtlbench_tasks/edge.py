"""Boundary detection."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mtlbench.contracts.task import Meter, Metric
from mtlbench.metrics.edge import THRESHOLDS, EdgeMeter
from mtlbench_tasks.binary import Binary, weighted_bce


class Edge(Binary):
    """Predict the probability of a boundary at each pixel.

    Loss: binary cross entropy, edge pixels weighted with `pos_weight` and others with 1 − `pos_weight`.
    Metric: odsF in percent after thinning and one-to-one matching, without non-maximum suppression.

    Args:
        pos_weight: 0.95 in the MTLoRA line.
        max_dist: tolerance of a match as a fraction of the diagonal: 0.011 for NYUD, 0.0075 for
            PASCAL-Context.
        thresholds: where odsF looks for its maximum.
    """

    primary = Metric("odsF", "%", higher_is_better=True)

    def __init__(
        self, pos_weight: float = 0.95, max_dist: float = 0.011, thresholds: Sequence[float] = THRESHOLDS
    ) -> None:
        self.pos_weight = pos_weight
        self.max_dist = max_dist
        self.thresholds = tuple(thresholds)

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed weighted cross entropy of logits (B, 1, H, W) and the number of valid pixels."""
        return weighted_bce(output, label, self.pos_weight)

    def meter(self, mode: str = "native") -> Meter:
        """Return boundary matches; the MTLoRA line has no such metric, so both modes are equal."""
        return EdgeMeter(self.max_dist, self.thresholds)

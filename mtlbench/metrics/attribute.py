"""Accuracy of labels that an image has as a whole."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.errors import BadLabel

VOID = 255


class AttributeMeter(Meter):
    """Count (label, prediction) pairs of images with a pixel that is not void, int64 (2, 2)."""

    def __init__(self) -> None:
        self.counts = np.zeros((2, 2), dtype=np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of probability maps and labels (B, H, W), both constant within each image.

        Raises:
            BadLabel: a label holds something else than one of 0 and 1 beside void.
        """
        for guess, truth in zip(prediction, label, strict=True):
            valid = truth != VOID
            if not valid.any():
                continue
            values = truth[valid].unique().tolist()
            if len(values) > 1 or values[0] > 1:
                raise BadLabel(
                    f"The label of an image's attribute holds {values} instead of one of 0 and 1; use the "
                    "task edge, saliency or semseg for labels that differ between pixels."
                )
            self.counts[values[0], int(guess[valid].double().mean() > 0.5)] += 1

    def state(self) -> dict[str, np.ndarray]:
        """Return the counts; rows are labels, columns predictions."""
        return {"counts": self.counts.copy()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard's counts."""
        self.counts += state["counts"]

    def compute(self) -> dict[str, float]:
        """Return `error` and `accuracy` in percent of the images; NaN when no image was labelled."""
        total = int(self.counts.sum())
        if total == 0:
            return {"error": float("nan"), "accuracy": float("nan")}
        right = int(self.counts.trace())
        return {"error": 100 * (total - right) / total, "accuracy": 100 * right / total}

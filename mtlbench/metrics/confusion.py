"""Mean intersection over union from one confusion matrix over the whole set."""

from __future__ import annotations

from typing import Literal

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.errors import BadLabel

VOID = 255


class ConfusionMeter(Meter):
    """Count (label, prediction) pairs of pixels whose label is not void, int64 (classes, classes).

    Args:
        classes: number of classes C; labels are 0 ... C-1 or 255 = void.
        absent: what a class counts that occurs in neither labels nor predictions: `skip` leaves it out of the
            mean; `zero` counts it as 0, which is what the MTLoRA line does.
    """

    def __init__(self, classes: int, absent: Literal["skip", "zero"] = "skip") -> None:
        self.classes = classes
        self.absent = absent
        self.matrix = np.zeros((classes, classes), dtype=np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of class maps (B, H, W).

        Raises:
            BadLabel: a label is neither a class nor void.
        """
        # one histogram over all pairs with any label from 0 to 255, as picking valid pixels first is slower
        pairs = label.cpu().numpy().astype(np.int64)
        pairs *= self.classes
        pairs += prediction.cpu().numpy()
        counts = np.bincount(pairs.ravel(), minlength=(VOID + 1) * self.classes).reshape(-1, self.classes)
        unknown = np.flatnonzero(counts[self.classes : VOID].any(1))
        if unknown.size:
            raise BadLabel(
                f"A label holds class {self.classes + unknown[-1]}, but the task has classes 0 to "
                f"{self.classes - 1}; set the task's `classes`, or map what should not be scored to {VOID}."
            )
        self.matrix += counts[: self.classes]

    def state(self) -> dict[str, np.ndarray]:
        """Return the matrix; rows are labels, columns predictions."""
        return {"matrix": self.matrix.copy()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard's matrix."""
        self.matrix += state["matrix"]

    def iou(self) -> np.ndarray:
        """Return TP / (TP + FP + FN) per class (C,), NaN for classes in neither labels nor predictions."""
        hits = self.matrix.diagonal()
        union = self.matrix.sum(0) + self.matrix.sum(1) - hits
        return np.divide(hits, union, out=np.full(self.classes, np.nan), where=union > 0)

    def compute(self) -> dict[str, float]:
        """Return `mIoU` and `pixel accuracy` in percent; NaN when no pixel was labelled."""
        total = self.matrix.sum()
        if total == 0:
            return {"mIoU": float("nan"), "pixel accuracy": float("nan")}
        iou = self.iou()
        mean = np.nanmean(iou) if self.absent == "skip" else np.nan_to_num(iou).mean()
        return {"mIoU": float(100 * mean), "pixel accuracy": float(100 * self.matrix.trace() / total)}

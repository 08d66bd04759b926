"""Mean absolute error of images."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.sums import ImageSums


class AbsoluteErrorMeter(Meter):
    """Average |prediction − label| over channels and over pixels without NaN in the label."""

    def __init__(self) -> None:
        self.sums = ImageSums(1)
        self.count = np.zeros(1, dtype=np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of images (B, C, H, W)."""
        for guess, truth in zip(prediction.double().cpu().numpy(), label.double().cpu().numpy(), strict=True):
            valid = np.isfinite(truth).all(0)
            if valid.any():
                error = np.abs(guess - truth)[:, valid]
                self.sums.add(np.array([error.sum()]))
                self.count += error.size

    def state(self) -> dict[str, np.ndarray]:
        """Return per-image sums (images, 1) and the int64 count of values."""
        return {"sums": self.sums.rows(), "count": self.count.copy()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.sums.merge(state["sums"])
        self.count += state["count"]

    def compute(self) -> dict[str, float]:
        """Return `mae` in the units of the label; NaN when no pixel was labelled."""
        return {"mae": float(self.sums.totals()[0] / self.count[0]) if self.count[0] else float("nan")}

"""Angular errors of surface normals over all valid pixels of the set."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.sums import ImageSums

LIMITS = (11.25, 22.5, 30.0)
BIN = 0.01  # degrees


class NormalsMeter(Meter):
    """Measure the angle between predicted and true normal, where the label is no zero vector.

    Both are normalised. The angle is 2 · atan2(|p − g|, |p + g|), exact to rounding at 0° and 180° where
    acos loses half of its digits. A prediction of exactly zero length counts as 90°.
    """

    def __init__(self) -> None:
        self.sums = ImageSums(2)
        self.histogram = np.zeros(round(180 / BIN) + 1, dtype=np.int64)
        self.within = np.zeros(len(LIMITS), dtype=np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of vectors (B, 3, H, W)."""
        for guess, truth in zip(prediction.double().cpu().numpy(), label.double().cpu().numpy(), strict=True):
            length = np.linalg.norm(truth, axis=0)
            valid = np.isfinite(length) & (length > 0)
            if not valid.any():
                continue
            g = truth[:, valid] / length[valid]
            p = guess[:, valid]
            p = p / np.maximum(np.linalg.norm(p, axis=0), np.finfo(np.float64).tiny)
            angle = 2 * np.degrees(np.arctan2(np.linalg.norm(p - g, axis=0), np.linalg.norm(p + g, axis=0)))
            self.sums.add(np.array([angle.sum(), (angle**2).sum()]))
            self.histogram += np.bincount((angle / BIN).astype(np.int64), minlength=self.histogram.size)
            self.within += np.array([np.count_nonzero(angle < limit) for limit in LIMITS])

    def state(self) -> dict[str, np.ndarray]:
        """Return per-image sums (images, 2) and int64 counts by angle."""
        return {"sums": self.sums.rows(), "histogram": self.histogram.copy(), "within": self.within.copy()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.sums.merge(state["sums"])
        self.histogram += state["histogram"]
        self.within += state["within"]

    def compute(self) -> dict[str, float]:
        """Return every angular metric.

        `mErr` (the mean), `median` (middle of its bin of 0.01°) and `rmse` are in degrees; `within 11.25`,
        `within 22.5` and `within 30` are the percentage of pixels with a smaller angle. NaN when no pixel was
        labelled.
        """
        count = self.histogram.sum()
        pixels = count if count else np.nan
        mean, square = self.sums.totals() / pixels
        middle = np.searchsorted(self.histogram.cumsum(), (count + 1) // 2)
        return {
            "mErr": float(mean),
            "median": float((middle + 0.5) * BIN) if count else float("nan"),
            "rmse": float(np.sqrt(square)),
            **{f"within {k:g}": float(100 * n / pixels) for k, n in zip(LIMITS, self.within, strict=True)},
        }

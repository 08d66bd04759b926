"""Angular errors of surface normals over all valid pixels of the set."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.sums import ImageSums

LIMITS = (11.25, 22.5, 30.0)
BIN = 0.01  # degrees
BLOCK = 16384  # pixels whose vectors fit into a core's cache


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
        for guess, truth in zip(prediction.cpu().numpy(), label.cpu().numpy(), strict=True):
            p, g = guess.reshape(3, -1), truth.reshape(3, -1)
            blocks = [np.s_[:, start : start + BLOCK] for start in range(0, p.shape[1], BLOCK)]
            angle = np.concatenate([_angles(p[block], g[block]) for block in blocks])
            if not angle.size:
                continue
            self.histogram += np.bincount((angle / BIN).astype(np.int64), minlength=self.histogram.size)
            self.within += np.array([np.count_nonzero(angle < limit) for limit in LIMITS])
            self.sums.add(np.array([angle.sum(), np.square(angle, out=angle).sum()]))

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


def _angles(p: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Return the angle in degrees between vectors (3, pixels) where `g` is valid."""
    valid = np.isfinite(g).all(0) & (g != 0).any(0)
    if not valid.all():
        kept = np.flatnonzero(valid)
        p, g = p.take(kept, axis=1), g.take(kept, axis=1)
    p, g = p.astype(np.float64), g.astype(np.float64)
    g /= _length(g)
    p /= np.maximum(_length(p), np.finfo(np.float64).tiny)
    return np.arctan2(_length(p - g), _length(p + g)) * (360 / np.pi)


def _length(vectors: np.ndarray) -> np.ndarray:
    """Return the lengths of vectors (3, pixels)."""
    x, y, z = vectors * vectors
    x += y
    x += z
    return np.sqrt(x, out=x)

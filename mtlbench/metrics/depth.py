"""Depth errors over all valid pixels of the set."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.sums import ImageSums

RATIOS = (1.25, 1.25**2, 1.25**3)


class DepthMeter(Meter):
    """Sum errors of depth in metres over pixels whose label is finite, > 0 and < `max_depth`.

    Every pixel of the set weighs the same. Predictions are > 0.

    Args:
        max_depth: metres from which on labels do not count.
        absolute: whether `abs_err`, which the MTAN line prints, is among the metrics.
    """

    def __init__(self, max_depth: float = float("inf"), absolute: bool = False) -> None:
        self.max_depth = max_depth
        self.absolute = absolute
        self.sums = ImageSums(5)
        self.counts = np.zeros(1 + len(RATIOS), dtype=np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of depth maps (B, H, W)."""
        for guess, truth in zip(prediction.double().cpu().numpy(), label.double().cpu().numpy(), strict=True):
            valid = np.isfinite(truth) & (truth > 0) & (truth < self.max_depth)
            if not valid.any():
                continue
            p, g = np.compress(valid.ravel(), guess), np.compress(valid.ravel(), truth)
            error = p - g
            logarithm = np.log(p) - np.log(g)
            size, square = np.abs(error), error**2
            terms = (square, size / g, square / g, logarithm**2, size)
            self.sums.add(np.array([term.sum() for term in terms]))
            ratio = np.maximum(p / g, g / p)
            self.counts += np.array([p.size, *(np.count_nonzero(ratio < limit) for limit in RATIOS)])

    def state(self) -> dict[str, np.ndarray]:
        """Return per-image sums (images, 5), and int64 counts of valid pixels and of those within ratios."""
        return {"sums": self.sums.rows(), "counts": self.counts.copy()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.sums.merge(state["sums"])
        self.counts += state["counts"]

    def compute(self) -> dict[str, float]:
        """Return every depth metric.

        `rmse`, `sq_rel` and `abs_err` (the mean |p − g|) are in metres, `log_rmse` uses the natural
        logarithm, `delta1` ... `delta3` are the percentage of pixels with max(p/g, g/p) < 1.25^k. NaN when no
        pixel was labelled.
        """
        pixels = self.counts[0] if self.counts[0] else np.nan
        square, abs_rel, sq_rel, log_square, abs_err = self.sums.totals() / pixels
        return {
            "rmse": float(np.sqrt(square)),
            "abs_rel": float(abs_rel),
            "sq_rel": float(sq_rel),
            "log_rmse": float(np.sqrt(log_square)),
            **({"abs_err": float(abs_err)} if self.absolute else {}),
            **{f"delta{k}": float(100 * n / pixels) for k, n in enumerate(self.counts[1:], 1)},
        }

"""Saliency: maximal F-measure and foreground intersection over union."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.sums import ImageSums

VOID = 255
BINS = 256
BETA_SQUARE = 0.3
FOREGROUND_THRESHOLDS = np.linspace(0.2, 0.9, 15)

_NEAREST = FOREGROUND_THRESHOLDS.astype(np.float32)
# rounded down, so that p > t says the same for float32 p as with t in float64
_LIMITS = np.where(_NEAREST > FOREGROUND_THRESHOLDS, np.nextafter(_NEAREST, np.float32(0)), _NEAREST)


class SaliencyMeter(Meter):
    """Gather histograms of the probability of salient and of other pixels, and per-image foreground IoU.

    Labels are 1 = salient, 0 = not, 255 = void. An image without a labelled pixel counts nowhere.
    """

    def __init__(self) -> None:
        self.histogram = np.zeros((2, BINS), dtype=np.int64)
        self.half = np.zeros((2, 2), dtype=np.int64)
        self.foreground = ImageSums(len(FOREGROUND_THRESHOLDS))

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of probabilities (B, H, W) and labels (B, H, W)."""
        for probability, truth in zip(prediction.float().cpu().numpy(), label.cpu().numpy(), strict=True):
            valid = truth != VOID
            if not valid.any():
                continue
            p, salient = probability[valid], truth[valid] > 0
            level = np.minimum((p * BINS).astype(np.uint16), BINS - 1)  # a product with 256 is exact
            level += salient * np.uint16(BINS)
            self.histogram += np.bincount(level, minlength=2 * BINS).reshape(2, BINS)
            hits = p[salient]
            above, both = (np.array([np.count_nonzero(x > limit) for limit in _LIMITS]) for x in (p, hits))
            union = hits.size + above - both
            self.foreground.add(np.divide(both, union, out=np.ones(len(union)), where=union > 0))
            found, right = np.count_nonzero(p > 0.5), np.count_nonzero(hits > 0.5)
            wrong, missed = found - right, hits.size - right
            self.half += [[p.size - right - wrong - missed, wrong], [missed, right]]

    def state(self) -> dict[str, np.ndarray]:
        """Return the histograms (2, 256), the confusion at 0.5 (2, 2) and IoU per image (images, 15)."""
        return {
            "histogram": self.histogram.copy(),
            "half": self.half.copy(),
            "foreground": self.foreground.rows(),
        }

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.histogram += state["histogram"]
        self.half += state["half"]
        self.foreground.merge(state["foreground"])

    def compute(self) -> dict[str, float]:
        """Return `maxF`, `fgIoU` and `mIoU` in percent; NaN when no pixel was labelled.

        - `maxF`: counts summed over the set at p >= k/256, F = (1 + β²)PR / (β²P + R), β² = 0.3, maximal over
          k.
        - `fgIoU`: the MTLoRA line's "saliency mIoU": foreground IoU at p > t, 1 where both are empty, mean
          over images, maximal over the 15 thresholds t = 0.2 ... 0.9.
        - `mIoU`: mean of foreground and background IoU at p > 0.5 over the set.
        """
        if not self.histogram.any():
            return dict.fromkeys(("maxF", "fgIoU", "mIoU"), float("nan"))
        negatives, positives = self.histogram[:, ::-1].cumsum(1)
        # with TP = positives above, P = TP / predicted and R = TP / actual
        predicted, actual = positives + negatives, positives[-1]
        f = (1 + BETA_SQUARE) * positives / np.maximum(BETA_SQUARE * actual + predicted, 1)
        hits = self.half.diagonal()
        union = self.half.sum(0) + self.half.sum(1) - hits
        images = len(self.foreground.rows())
        return {
            "maxF": float(100 * f.max()),
            "fgIoU": float(100 * (self.foreground.totals() / images).max()),
            "mIoU": float(100 * (hits[union > 0] / union[union > 0]).mean()),
        }

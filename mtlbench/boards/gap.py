"""Give the difference of two groups of runs an interval that images and seeds explain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True)
class Gap:
    """Hold a difference of means and half the width of its 95 % interval."""

    difference: float
    half_width: float

    @property
    def decided(self) -> bool:
        """Return whether the interval leaves out zero."""
        return abs(self.difference) > self.half_width


def gap(first: np.ndarray, second: np.ndarray) -> Gap:
    """Return the mean of `second` minus that of `first` with its 95 % interval.

    Both are (seeds, 1 + replicates): column 0 is what was measured, further columns are paired bootstrap
    replicates over images. se² = (variance over replicates of the difference of means over seeds) + Σ (sample
    variance over seeds) / seeds; the half-width is se times the t quantile whose degrees of freedom follow
    from the parts (Welch and Satterthwaite). A part for which there are too few columns or rows is left out.
    Where seeds err on different images, both parts see it, which makes the interval a little wide.
    """
    means = second.mean(0) - first.mean(0)
    parts = []
    if min(len(first), len(second)) > 1:
        parts = [(runs[:, 0].var(ddof=1) / len(runs), len(runs) - 1) for runs in (first, second)]
    if len(means) > 2:
        parts.append((means[1:].var(ddof=1), len(means) - 2))
    variance = sum(part for part, _ in parts)
    spread = sum(part**2 / freedom for part, freedom in parts)
    quantile = stdtrit(variance**2 / spread, (1 + LEVEL) / 2) if spread else 0.0
    return Gap(float(means[0]), float(quantile * math.sqrt(variance)))

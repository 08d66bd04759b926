"""Bootstrap over images: what a metric might have been on other images of the same kind."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np

from mtlbench.contracts.task import Meter

REPLICATES = 200
DIGITS = 6  # significant ones that are kept of a replicate's metric

_POISSON = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(20)])  # P(X <= k) for a mean of 1


def image_weights(image: str) -> np.ndarray:
    """Return how often each replicate sees an image, int64 (REPLICATES,), drawn from Poisson(1).

    The draw is a function of the image's id alone (SHA-256 as the key of a counter-based generator, inverted
    distribution function). So replicate b sees the same images in every run of every method, whatever batch
    size, order and sharding, and two runs can be compared replicate by replicate.
    """
    key = int.from_bytes(hashlib.sha256(image.encode()).digest()[:16], "little")
    uniform = (np.random.Philox(key=key).random_raw(REPLICATES) >> np.uint64(11)) * 2.0**-53
    return np.searchsorted(_POISSON, uniform, side="right")


class Replicates:
    """Keep one meter per replicate of the evaluation set, in which each image occurs Poisson(1) times.

    The Poisson bootstrap (Chamandy et al., 2012) needs no list of all images, so it streams and shards as
    meters do.
    """

    def __init__(self, make: Callable[[], Meter]) -> None:
        self.meters = [make() for _ in range(REPLICATES)]

    def add(self, state: dict[str, np.ndarray], weights: np.ndarray) -> None:
        """Add the statistics of one image, as often as its `image_weights` say."""
        for meter, weight in zip(self.meters, weights.tolist(), strict=True):
            for _ in range(weight):
                meter.merge(state)

    def states(self) -> list[dict[str, np.ndarray]]:
        """Return the statistics of every replicate."""
        return [meter.state() for meter in self.meters]

    def merge(self, states: Sequence[dict[str, np.ndarray]]) -> None:
        """Add the replicates of another shard."""
        for meter, state in zip(self.meters, states, strict=True):
            meter.merge(state)

    def values(self, metric: str) -> list[float] | None:
        """Return one metric of every replicate, or None where a replicate saw no labelled pixel.

        That happens with a handful of images; leaving such replicates out would bias the rest.
        """
        values = [float(f"{meter.compute()[metric]:.{DIGITS}g}") for meter in self.meters]
        return values if all(map(math.isfinite, values)) else None

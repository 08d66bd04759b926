"""Boundary detection: odsF and oisF with exact one-to-one matching."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.thinning import thin

VOID = 255
THRESHOLDS = tuple(k / 20 for k in range(2, 19))  # 0.10, 0.15 ... 0.90


class EdgeMeter(Meter):
    """Match thinned predictions to thinned labels, pixel by pixel, at every threshold.

    As Martin, Fowlkes and Malik (TPAMI 2004), with a matching of maximum size instead of a randomised cheap
    one, and without non-maximum suppression. Labels are 1 = edge, 0 = none, 255 = void; predictions in void
    pixels are dropped, images without a labelled pixel count nowhere.

    Args:
        max_dist: greatest distance of a match as a fraction of the image's diagonal (0.011 for NYUD, 0.0075
            for PASCAL-Context in the literature).
        thresholds: an edge is predicted where p >= threshold; ascending.
    """

    def __init__(self, max_dist: float = 0.011, thresholds: Sequence[float] = THRESHOLDS) -> None:
        self.max_dist = max_dist
        self.thresholds = np.array(thresholds)
        self.counts = np.zeros((len(thresholds), 3), dtype=np.int64)
        self.best = np.zeros(3, dtype=np.int64)
        self.images = np.zeros(1, dtype=np.int64)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of probabilities (B, H, W) and labels (B, H, W)."""
        for probability, truth in zip(prediction.double().cpu().numpy(), label.cpu().numpy(), strict=True):
            valid = truth != VOID
            if not valid.any():
                continue
            guesses = thin((probability >= self.thresholds[:, None, None]) & valid)
            actual = thin((truth > 0) & valid)
            radius = self.max_dist * np.hypot(*truth.shape)
            matched = match_counts(guesses, actual, radius)
            counts = np.stack([matched, guesses.sum((1, 2)), np.full(len(matched), actual.sum())], axis=1)
            self.counts += counts
            self.best += counts[::-1][np.argmax(_f(counts[::-1]))]  # among equals the highest threshold
            self.images += 1

    def state(self) -> dict[str, np.ndarray]:
        """Return int64 counts (matched, predicted, actual) per threshold, and at each image's best one."""
        return {"counts": self.counts.copy(), "best": self.best.copy(), "images": self.images.copy()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.counts += state["counts"]
        self.best += state["best"]
        self.images += state["images"]

    def compute(self) -> dict[str, float]:
        """Return `odsF` (one threshold for the set) and `oisF` (one per image) in percent.

        NaN without images. F = 2PR / (P + R) with P = matched / predicted and R = matched / actual, counts
        summed over images.
        """
        if not self.images[0]:
            return {"odsF": float("nan"), "oisF": float("nan")}
        return {"odsF": float(100 * _f(self.counts).max()), "oisF": float(100 * _f(self.best[None])[0])}


def match_counts(guesses: np.ndarray, actual: np.ndarray, radius: float) -> np.ndarray:
    """Count the largest set of disjoint pairs between each mask of `guesses` and `actual`.

    The masks are bool (K, H, W) and (H, W). A pair is at most `radius` pixels apart. Returns int64 (K,).
    Maximum matchings are maximum flows, found exactly by Dinic's algorithm.
    """
    reach = int(radius)
    width = actual.shape[1] + 2 * reach
    number = np.full(np.add(actual.shape, 2 * reach), -1, dtype=np.int32)
    number[reach : reach + actual.shape[0], reach : reach + actual.shape[1]][actual] = np.arange(actual.sum())
    number = number.ravel()
    steps = range(-reach, reach + 1)
    disk = [y * width + x for y in steps for x in steps if y * y + x * x <= radius * radius]
    counts = []
    for guess in guesses:
        rows, columns = np.nonzero(guess)
        pixels = (rows + reach) * width + columns + reach
        near = [number.take(pixels + step) for step in disk]
        left = [np.flatnonzero(found >= 0) for found in near]
        right = [found[kept] for found, kept in zip(near, left, strict=True)]
        counts.append(
            _maximum_matching(np.concatenate(left), np.concatenate(right), pixels.size, actual.sum())
        )
    return np.array(counts, dtype=np.int64)


def _maximum_matching(left: np.ndarray, right: np.ndarray, lefts: int, rights: int) -> int:
    """Return the size of a maximum matching of the bipartite graph with the edges left[i] - right[i].

    Nodes are numbered 0 ... lefts - 1 on one side, 0 ... rights - 1 on the other.
    """
    left_ids = 1 + np.arange(lefts, dtype=np.int32)  # 0 is the source; scipy 1.13 takes 32 bits only
    right_ids = 1 + lefts + np.arange(rights, dtype=np.int32)
    sink = 1 + lefts + rights
    begin = np.concatenate([np.zeros_like(left_ids), left_ids[left], right_ids])
    end = np.concatenate([left_ids, right_ids[right], np.full_like(right_ids, sink)])
    capacity = csr_array((np.ones(begin.size, dtype=np.int32), (begin, end)), shape=(sink + 1, sink + 1))
    return int(maximum_flow(capacity, 0, sink, method="dinic").flow_value)


def _f(counts: np.ndarray) -> np.ndarray:
    return 2 * counts[:, 0] / np.maximum(counts[:, 1] + counts[:, 2], 1)

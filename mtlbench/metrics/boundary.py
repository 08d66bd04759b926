"""Boundary F-measure of class maps: how well outlines are hit, whatever the area inside."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.sums import ImageSums

VOID = 255


class BoundaryMeter(Meter):
    """Average the F-measure of outlines over the classes of each image, then over images.

    As Csurka et al. (BMVC 2013): the outline of a class are its pixels with one of four neighbours of another
    class; precision is the share of the predicted outline within the tolerance of the labelled one, recall
    the reverse; a class counts where it has an outline in label or prediction, an image where a class counts.
    Pixels whose label is void are void in both maps, and a border on void is no outline.

    Args:
        tolerance: greatest distance as a fraction of the image's diagonal; 0.0075 in the paper.
    """

    def __init__(self, tolerance: float = 0.0075) -> None:
        self.tolerance = tolerance
        self.sums = ImageSums(1)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch of class maps (B, H, W)."""
        for guess, truth in zip(prediction.cpu().numpy(), label.cpu().numpy(), strict=True):
            guess = np.where(truth == VOID, VOID, guess)
            lines = _outline(truth), _outline(guess)
            disk = _disk(self.tolerance * np.hypot(*truth.shape))
            classes = np.union1d(truth[lines[0]], guess[lines[1]])
            scores = [_f(lines[0] & (truth == c), lines[1] & (guess == c), disk) for c in classes]
            if scores:
                self.sums.add(np.array([np.mean(scores)]))

    def state(self) -> dict[str, np.ndarray]:
        """Return the mean F-measure of every image that counts, (images, 1)."""
        return {"sums": self.sums.rows()}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.sums.merge(state["sums"])

    def compute(self) -> dict[str, float]:
        """Return `boundary F` in percent; NaN when no image has an outline."""
        images = len(self.sums.rows())
        return {"boundary F": float(100 * self.sums.totals()[0] / images) if images else float("nan")}


def _outline(classes: np.ndarray) -> np.ndarray:
    """Return which pixels of a map (H, W) have a neighbour of another class, neither of them void."""
    line = np.zeros(classes.shape, dtype=bool)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        a, b = classes[one], classes[other]
        step = (a != b) & (a != VOID) & (b != VOID)
        line[one] |= step
        line[other] |= step
    return line


def _disk(radius: float) -> np.ndarray:
    steps = np.arange(-int(radius), int(radius) + 1)
    return (np.add.outer(steps**2, steps**2) <= radius**2).astype(np.uint8)


def _f(actual: np.ndarray, guess: np.ndarray, disk: np.ndarray) -> float:
    """Return F = 2PR / (P + R) of two lines (H, W); 0 where nothing matches, as where one is empty."""
    near_actual, near_guess = (cv2.dilate(line.view(np.uint8), disk) for line in (actual, guess))
    hits, found = np.count_nonzero(near_actual[guess]), np.count_nonzero(near_guess[actual])
    if not (hits and found):
        return 0.0
    precision, recall = hits / np.count_nonzero(guess), found / np.count_nonzero(actual)
    return 2 * precision * recall / (precision + recall)

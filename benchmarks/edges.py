"""Time boundary matching on maps as busy as NYUD's, and say how long its 654 test images would take.

Labels are the borders of random cells, about 12,000 pixels in 425 x 560; predictions are those borders,
blurred, unevenly strong, with noise. Prints CPU time, single-threaded::

    python benchmarks/edges.py [--images 3] [--noise 1.0]
"""

from __future__ import annotations

import argparse
from time import process_time

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from mtlbench.metrics.edge import THRESHOLDS, EdgeMeter

SIZE = 425, 560
TEST_IMAGES, PROCESSES = 654, 2
FINE = tuple(np.linspace(0.01, 0.99, 99))


def borders(rng: np.random.Generator, cells: int = 160) -> np.ndarray:
    """Return the borders of random cells, bool (H, W)."""
    pixels = np.stack(np.mgrid[: SIZE[0], : SIZE[1]], axis=-1).reshape(-1, 2)
    cell = KDTree(rng.random((cells, 2)) * SIZE).query(pixels)[1].reshape(SIZE)
    border = np.zeros(SIZE, dtype=bool)
    border[:-1] |= cell[1:] != cell[:-1]
    border[:, :-1] |= cell[:, 1:] != cell[:, :-1]
    return border


def predict(rng: np.random.Generator, border: np.ndarray, noise: float) -> np.ndarray:
    """Return probabilities that a network might give, (H, W)."""

    def field(scale: float) -> np.ndarray:
        smooth = gaussian_filter(rng.normal(size=SIZE), scale)
        return smooth / smooth.std()

    line = gaussian_filter(border.astype(float), 1.5)
    line /= line.max()
    logit = (6 + 1.5 * field(25).clip(-1, 1)) * line + 2 * noise * field(2) - 3
    return 1 / (1 + np.exp(-logit))


def main() -> None:
    """Print the time per image and for the test set, with few thresholds and with many."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=3)
    parser.add_argument("--noise", type=float, default=1.0)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    labels = [borders(rng) for _ in range(args.images)]
    predictions = [predict(rng, label, args.noise) for label in labels]
    for thresholds in (THRESHOLDS, FINE):
        meter, start = EdgeMeter(thresholds=thresholds), process_time()
        for probability, label in zip(predictions, labels, strict=True):
            meter.update(torch.from_numpy(probability)[None], torch.from_numpy(label)[None].to(torch.uint8))
        seconds = (process_time() - start) / args.images
        minutes = seconds * TEST_IMAGES / PROCESSES / 60
        print(
            f"{len(thresholds)} thresholds: {seconds:.2f} s per image, {minutes:.1f} min for "
            f"{TEST_IMAGES} images on {PROCESSES} processes, odsF {meter.compute()['odsF']:.2f}"
        )


if __name__ == "__main__":
    main()

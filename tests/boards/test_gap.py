from __future__ import annotations

import math

import numpy as np
import pytest

from mtlbench.boards.gap import gap
from mtlbench.metrics.bootstrap import REPLICATES


def test_images_and_seeds_add_up():
    noise = 0.01 * np.random.default_rng(2).normal(size=(2, REPLICATES))
    rng = np.random.default_rng(3)
    runs = 10 + rng.normal(size=(2, 3, 1))
    both = np.concatenate([runs, runs + 3 * noise[:, None]], axis=2)
    seeds, images, together = gap(*runs), gap(*both[:, :1]), gap(*both)
    assert together.difference == seeds.difference
    assert 0 < images.half_width < together.half_width
    variance = sum(side.var(ddof=1) / 3 for side in runs) + (3 * (noise[1] - noise[0])).var(ddof=1)
    # between the quantiles of infinitely many and of two degrees of freedom
    assert 1.96 < together.half_width / math.sqrt(variance) < 4.31


@pytest.mark.parametrize("seed_noise", [0.0, 0.3])
def test_intervals_hold_the_truth_as_often_as_they_say(seed_noise):
    """Simulate two equal methods on images of varying difficulty; 95 % of intervals must hold zero."""
    rng, trials, images, seeds = np.random.default_rng(4), 600, 80, 3
    held = 0
    for _ in range(trials):
        weights = np.concatenate([np.ones((1, images)), rng.poisson(1, (REPLICATES, images))])
        weights /= weights.sum(1, keepdims=True)
        difficulty = rng.normal(0, 5, images)
        sides = [
            difficulty
            + rng.normal(0, 1, images)
            + rng.normal(0, seed_noise, (seeds, 1))
            + rng.normal(0, 0.3, (seeds, images))
            for _ in range(2)
        ]
        held += not gap(*(side @ weights.T for side in sides)).decided
    assert 0.92 <= held / trials <= 0.985

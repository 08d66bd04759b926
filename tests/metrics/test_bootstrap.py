import math

import numpy as np
import pytest
import torch

from mtlbench.metrics.bootstrap import REPLICATES, Replicates, image_weights
from mtlbench.metrics.regression import AbsoluteErrorMeter

DRAWN = [0, 1, 0, 1, 1, 3, 1, 1]


def test_weights_are_poisson():
    weights = np.stack([image_weights(f"image-{number}") for number in range(2000)])
    for k in range(5):
        expected = math.exp(-1) / math.factorial(k)
        assert (weights == k).mean() == pytest.approx(expected, abs=5 * math.sqrt(expected / weights.size))
    assert weights.var() == pytest.approx(1, abs=0.02)


def test_weights_of_images_and_replicates_are_uncorrelated():
    weights = np.stack([image_weights(str(number)) for number in range(500)])
    for matrix in (np.corrcoef(weights), np.corrcoef(weights.T)):
        others = matrix[~np.eye(len(matrix), dtype=bool)]
        assert others.mean() == pytest.approx(0, abs=0.01)


def test_weights_depend_on_the_id_alone_and_stay_for_ever():
    """Published records were made with these draws; replicates of other draws would not be paired."""
    assert image_weights("val-00000")[:8].tolist() == image_weights("val-00000").tolist()[:8] == DRAWN
    assert (image_weights("val-00000") != image_weights("val-00001")).any()


def _replicates(errors):
    replicates = Replicates(AbsoluteErrorMeter)
    for number, error in enumerate(errors):
        meter = AbsoluteErrorMeter()
        meter.update(torch.full((1, 1, 2, 2), float(error)), torch.zeros(1, 1, 2, 2))
        replicates.add(meter.state(), image_weights(str(number)))
    return replicates


def test_replicates_spread_as_the_mean_over_images_does():
    errors = np.random.default_rng(0).gamma(2, size=300)
    values = _replicates(errors).values("mae")
    assert len(values) == REPLICATES
    # a standard deviation estimated from 200 replicates is itself uncertain by 1 / sqrt(2 * 199) = 5 %
    assert np.std(values, ddof=1) == pytest.approx(errors.std() / math.sqrt(errors.size), rel=0.2)
    assert np.mean(values) == pytest.approx(errors.mean(), rel=0.02)


def test_a_replicate_is_the_weighted_mean_to_six_digits():
    errors = np.random.default_rng(1).gamma(2, size=20)
    weights = np.stack([image_weights(str(number)) for number in range(20)])
    assert _replicates(errors).values("mae") == pytest.approx(errors @ weights / weights.sum(0), rel=5e-6)
    assert all(
        len(f"{value!r}".replace(".", "").lstrip("0")) <= 6 for value in _replicates(errors).values("mae")
    )


def test_shards_add_up():
    whole, parts = _replicates(range(15)), Replicates(AbsoluteErrorMeter)
    for half in (0, 1):
        shard = Replicates(AbsoluteErrorMeter)
        for number in range(half, 15, 2):
            meter = AbsoluteErrorMeter()
            meter.update(torch.full((1, 1, 2, 2), float(number)), torch.zeros(1, 1, 2, 2))
            shard.add(meter.state(), image_weights(str(number)))
        parts.merge(shard.states())
    assert parts.values("mae") == whole.values("mae")


def test_too_few_images_give_no_replicates():
    assert _replicates([1.0, 2.0]).values("mae") is None

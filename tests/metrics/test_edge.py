import math
from functools import cache

import numpy as np
import pytest
import torch

from mtlbench.metrics.edge import THRESHOLDS, EdgeMeter, match_counts


def _exhaustive(guess, actual, radius):
    """Return the size of the best matching by trying every assignment."""
    targets = np.argwhere(actual)
    options = [
        [j for j, target in enumerate(targets) if math.dist(source, target) <= radius]
        for source in np.argwhere(guess)
    ]

    @cache
    def best(i, used):
        if i == len(options):
            return 0
        taken = [1 + best(i + 1, used | 1 << j) for j in options[i] if not used >> j & 1]
        return max([best(i + 1, used), *taken])

    return best(0, 0)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5, 2.3])
def test_matching_equals_an_exhaustive_search(radius):
    rng = np.random.default_rng(6)
    contested = 0
    for _ in range(20):
        guesses, actual = rng.random((3, 4, 6)) < 0.35, rng.random((4, 6)) < 0.3
        expected = [_exhaustive(guess, actual, radius) for guess in guesses]
        assert match_counts(guesses, actual, radius).tolist() == expected
        near = sum(
            any(math.dist(s, t) <= radius for t in np.argwhere(actual)) for s in np.argwhere(guesses[0])
        )
        contested += near != expected[0]
    assert radius < 1 or contested  # one-to-one is stricter than "a label is near"


def test_matching_is_symmetric():
    rng = np.random.default_rng(7)
    a, b = rng.random((2, 20, 30)) < 0.2
    assert match_counts(a[None], b, 2.0)[0] == match_counts(b[None], a, 2.0)[0] > 50


def _line(row, height=20, width=30):
    mask = torch.zeros(1, height, width)
    mask[:, row, 3:27] = 1
    return mask


def test_a_shift_within_the_tolerance_is_perfect_and_beyond_it_worthless():
    radius = 2.5
    meter = EdgeMeter(max_dist=radius / math.hypot(20, 30))
    meter.update(_line(10), _line(12).to(torch.uint8))
    assert meter.compute() == {"odsF": 100, "oisF": 100}
    meter = EdgeMeter(max_dist=radius / math.hypot(20, 30))
    meter.update(_line(10), _line(13).to(torch.uint8))
    assert meter.compute() == {"odsF": 0, "oisF": 0}


def test_a_double_line_is_half_wrong():
    meter = EdgeMeter(max_dist=3.0 / math.hypot(20, 30))
    meter.update(torch.maximum(_line(8), _line(12)), _line(10).to(torch.uint8))
    assert meter.compute()["odsF"] == pytest.approx(100 * 2 * 0.5 * 1 / 1.5)


def test_ods_shares_one_threshold_and_ois_does_not():
    """Two images, each perfect at a threshold of its own: one has a false line of 0.5, one a true of 0.3."""
    first = torch.maximum(_line(5), 0.5 * _line(14))
    second = 0.3 * _line(5)
    meter = EdgeMeter()
    meter.update(torch.cat([first, second]), torch.cat([_line(5), _line(5)]).to(torch.uint8))
    low = 2 * 2 / (3 + 2)  # below 0.3: both true lines and the false one
    high = 2 * 1 / (1 + 2)  # above 0.5: one of two true lines
    assert low > high
    assert meter.compute() == {"odsF": pytest.approx(100 * low), "oisF": 100}


def test_the_tolerance_grows_with_the_diagonal():
    for height, width in ((20, 30), (200, 300)):
        meter = EdgeMeter(max_dist=0.05)
        shift = int(0.05 * math.hypot(height, width))
        label = _line(10, height, width).to(torch.uint8)
        meter.update(_line(10 + shift, height, width), label)
        assert meter.compute()["odsF"] == 100
        meter.update(_line(11 + shift, height, width), label)
        assert meter.compute()["odsF"] == 50


def test_void_pixels_and_unlabelled_images_do_not_count():
    label = _line(5).to(torch.uint8)
    label[:, 12:] = 255
    meter = EdgeMeter()
    meter.update(torch.maximum(_line(5), _line(15)), label)
    meter.update(_line(15), torch.full_like(label, 255))
    assert meter.compute() == {"odsF": 100, "oisF": 100}
    assert meter.images[0] == 1


def test_an_image_without_edges_counts_false_predictions():
    meter = EdgeMeter()
    meter.update(torch.cat([_line(5), _line(5)]), torch.cat([_line(5), 0 * _line(5)]).to(torch.uint8))
    assert meter.compute()["odsF"] == pytest.approx(100 * 2 * 0.5 / 1.5)


def test_counts_do_not_increase_with_the_threshold_for_separate_lines():
    rows = sum((0.09 + 0.05 * k) * _line(2 * k) for k in range(10))
    meter = EdgeMeter()
    meter.update(rows, _line(0).to(torch.uint8))
    predicted = meter.counts[:, 1]
    assert (np.diff(predicted) <= 0).all() and predicted[0] > predicted[-1]
    assert len(predicted) == len(THRESHOLDS) == 17


def test_nothing_labelled_is_nan():
    assert all(math.isnan(value) for value in EdgeMeter().compute().values())

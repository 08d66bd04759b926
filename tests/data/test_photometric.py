"""Distortion of colours as mmsegmentation does it; the other transforms are in test_transforms.py."""

from __future__ import annotations

import colorsys
import copy

import numpy as np
import pytest

from mtlbench.data.photometric import PhotoMetricDistortion


class Draws:
    """Return the given draws instead of random ones; what is not given must not be drawn."""

    def __init__(self, coins: list[float], uniform: list[float], turn: int = 0) -> None:
        self.coins, self.amounts, self.turn = coins, list(uniform), turn

    def random(self, count: int) -> np.ndarray:
        assert count == len(self.coins)
        return np.array(self.coins)

    def uniform(self, low: float, high: float) -> float:
        amount = self.amounts.pop(0)
        assert low <= amount <= high
        return amount

    def integers(self, low: int, high: int) -> int:
        assert low <= self.turn < high
        return self.turn


def pixel(rgb, delta=0.0, early=1.0, saturation=1.0, steps=0, late=1.0) -> list[float]:
    """Distort one pixel with the standard library: 8-bit hue counts in steps of two degrees."""

    def clip(values):
        return [min(max(value, 0.0), 255.0) for value in values]

    rgb = clip(value * early for value in clip(value + delta for value in rgb))
    hue, depth, value = colorsys.rgb_to_hsv(*(value / 255 for value in rgb))
    rgb = colorsys.hsv_to_rgb((hue + 2 * steps / 360) % 1, min(depth * saturation, 1), value)
    return clip(value * 255 * late for value in rgb)


# the coins: brightness, contrast, saturation, hue, contrast early; heads is below one half
@pytest.mark.parametrize(
    "coins, uniform, turn, expected",
    [
        ([0, 1, 1, 1, 0], [20.0], 0, {"delta": 20}),
        ([0, 1, 1, 1, 0], [-32.0], 0, {"delta": -32}),
        ([1, 0, 1, 1, 0], [0.0, 1.5], 0, {"early": 1.5}),
        ([1, 1, 0, 1, 0], [0.0, 0.5], 0, {"saturation": 0.5}),
        ([1, 1, 0, 1, 0], [0.0, 1.5], 0, {"saturation": 1.5}),
        ([1, 1, 1, 0, 0], [0.0], 17, {"steps": 17}),
        ([1, 1, 1, 0, 0], [0.0], -18, {"steps": -18}),
        ([0, 0, 0, 0, 0], [9.0, 1.3, 1.4], 5, {"delta": 9, "early": 1.3, "saturation": 1.4, "steps": 5}),
        ([0, 0, 0, 0, 1], [9.0, 1.3, 1.4], 5, {"delta": 9, "late": 1.3, "saturation": 1.4, "steps": 5}),
        ([1, 1, 1, 1, 1], [0.0], 0, {}),
    ],
)
def test_every_pixel_is_distorted_as_by_the_standard_library(sample, coins, uniform, turn, expected):
    image = sample["image"][:6, :7].copy()
    image[0, :3] = [[0, 0, 0], [255, 255, 255], [128, 128, 128]]
    sample |= {"image": image.copy(), "labels": {}, "rng": Draws(coins, uniform, turn)}
    found = PhotoMetricDistortion()(sample)["image"]
    assert found.dtype == np.uint8
    for y, x in np.ndindex(6, 7):
        np.testing.assert_allclose(found[y, x], pixel(image[y, x].tolist(), **expected), atol=0.51)


def test_each_change_happens_to_half_of_the_images(sample):
    sample["labels"] = {}
    sample["image"] = np.full((1, 1, 3), (90, 120, 60), np.uint8)
    results = []
    for seed in range(600):
        one = {**sample, "rng": np.random.default_rng(seed)}
        results.append(tuple(PhotoMetricDistortion()(one)["image"][0, 0].tolist()))
    assert results.count((90, 120, 60)) / 600 == pytest.approx(1 / 16, abs=0.03)
    assert len(set(results)) > 300


def test_labels_stay_and_the_read_image_is_not_written_to(sample):
    before = copy.deepcopy(sample)
    image = sample["image"]
    after = PhotoMetricDistortion()({**sample, "rng": np.random.default_rng(1)})
    assert not np.array_equal(after["image"], before["image"])
    np.testing.assert_array_equal(image, before["image"])
    for task, label in before["labels"].items():
        np.testing.assert_array_equal(after["labels"][task], label)

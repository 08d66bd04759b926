from __future__ import annotations

import copy

import numpy as np
import pytest

from mtlbench.data.framing import Pad
from mtlbench.data.photometric import ColorJitter
from mtlbench.data.transforms import (
    TRANSFORMS,
    RandomFlip,
    RandomRotateScale,
    RandomScaleCrop,
    Resize,
    build_transforms,
)


def point_cloud_normals(depth: np.ndarray, focal: float) -> np.ndarray:
    """Derive normals (x right, y up, z to the camera) from a depth map, independently of any transform."""
    v, u = np.indices(depth.shape, dtype=float)
    centre = (np.array(depth.shape) - 1) / 2
    points = np.stack([(u - centre[1]) / focal * depth, -(v - centre[0]) / focal * depth, -depth], axis=2)
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(down, across)
    return normals / np.linalg.norm(normals, axis=2, keepdims=True).clip(1e-12)


def slanted_depth(size=(41, 51), focal=40.0) -> np.ndarray:
    v, u = np.indices(size, dtype=float)
    rays = np.stack([(u - 25) / focal, -(v - 20) / focal, -np.ones(size)], axis=2)
    plane = np.array([0.3, 0.5, 0.8])
    return (-3 / (rays @ plane)).astype(np.float32)


def geometry(depth: np.ndarray, focal: float = 40.0, degrees: float = 0.0) -> dict:
    return {
        "id": "plane",
        "image": np.full((*depth.shape, 3), 128, np.uint8),
        "labels": {"depth": depth, "normals": point_cloud_normals(depth, focal).astype(np.float32)},
        "kinds": {"depth": "scalar", "normals": "vector"},
        "rng": np.random.default_rng(0),
    }


def assert_same(first: dict, second: dict) -> None:
    np.testing.assert_array_equal(first["image"], second["image"])
    for task, label in first["labels"].items():
        assert label.dtype == second["labels"][task].dtype
        np.testing.assert_array_equal(label, second["labels"][task])


def test_flip_twice_is_the_identity(sample):
    flip = RandomFlip(p=1)
    once = flip(copy.deepcopy(sample))
    assert not np.array_equal(once["image"], sample["image"])
    assert_same(flip(once), sample)


def test_flip_with_probability_zero_does_nothing(sample):
    assert_same(RandomFlip(p=0)(copy.deepcopy(sample)), sample)


def test_flipped_normals_are_the_normals_of_the_flipped_depth():
    flipped = RandomFlip(p=1)(geometry(slanted_depth()))["labels"]
    expected = point_cloud_normals(flipped["depth"].astype(float), 40.0)
    np.testing.assert_allclose(flipped["normals"], expected, atol=1e-3)


def test_flip_keeps_the_zero_of_void_positive(sample):
    sample["labels"]["normals"][:] = 0
    flipped = RandomFlip(p=1)(sample)["labels"]["normals"]
    assert not np.signbit(flipped).any()


@pytest.mark.parametrize("degrees", [-20.0, 15.0])
def test_rotated_normals_are_the_normals_of_the_rotated_depth(degrees):
    turned = RandomRotateScale(degrees=0, scales=(1, 1))
    sample = geometry(slanted_depth())
    sample["rng"] = FixedRng(uniform=[degrees, 1.0])
    labels = turned(sample)["labels"]
    inside = labels["depth"] > 0
    expected = point_cloud_normals(labels["depth"].astype(float), 40.0)
    centre = np.s_[12:-12, 12:-12]
    assert inside[centre].all()
    # depth is sampled at the nearest pixel, hence its derivative is rough: compare directions on average
    mean = expected[centre].mean((0, 1))
    np.testing.assert_allclose(labels["normals"][centre].mean((0, 1)), mean / np.linalg.norm(mean), atol=0.03)


def test_normals_that_point_down_turn_the_other_way(sample):
    results = []
    for y_axis in ("up", "down"):
        one = copy.deepcopy(sample)
        one["rng"] = FixedRng(uniform=[90.0, 1.0])
        one["labels"] = {"normals": np.broadcast_to(np.float32([1, 0, 0]), (24, 32, 3)).copy()}
        results.append(RandomRotateScale(y_axis=y_axis)(one)["labels"]["normals"][12, 16])
    # what points right points to the top after a quarter turn counter-clockwise
    np.testing.assert_allclose(results, [[0, 1, 0], [0, -1, 0]], atol=1e-6)


def test_rotation_moves_the_image_counter_clockwise():
    image = np.zeros((21, 21, 3), np.uint8)
    image[10, 18] = 255  # to the right of the centre
    label = image[..., 0] // 255
    sample = {"id": "", "image": image, "labels": {"edge": label}, "kinds": {"edge": "classes"},
              "rng": FixedRng(uniform=[90.0, 1.0])}  # fmt: skip
    turned = RandomRotateScale()(sample)
    assert turned["image"][2, 10].tolist() == [255] * 3
    assert turned["labels"]["edge"][2, 10] == 1


def test_rotation_border_is_void_in_every_label_and_never_a_class(sample):
    sample["labels"]["semseg"][:] = 3
    sample["rng"] = FixedRng(uniform=[20.0, 0.75])
    rotated = RandomRotateScale()(sample)
    labels = rotated["labels"]
    outside = labels["semseg"] == 255
    assert 0.2 < outside.mean() < 0.8
    assert set(np.unique(labels["semseg"])) == {3, 255}
    assert (labels["depth"][outside] == 0).all() and (labels["depth"][~outside] > 0).all()
    assert (labels["normals"][outside] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(labels["normals"][~outside], axis=1), 1, atol=1e-5)
    assert np.isnan(labels["albedo"][outside]).mean() > 0.9
    assert (rotated["image"][[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()


@pytest.mark.parametrize("scale", [0.75, 1.25])
def test_zooming_by_rotate_scale_divides_depth(sample, scale):
    sample["labels"]["depth"][:] = 6
    sample["rng"] = FixedRng(uniform=[0.0, scale])
    depth = RandomRotateScale()(sample)["labels"]["depth"]
    np.testing.assert_allclose(depth[12, 16], 6 / scale, rtol=1e-6)


def test_scale_crop_keeps_the_size_divides_depth_and_takes_labels_from_one_window(sample):
    size = sample["image"].shape
    sample["labels"]["depth"] = sample["labels"]["semseg"].astype(np.float32) + 1
    cropped = RandomScaleCrop(scales=(1.5,))(sample)
    assert cropped["image"].shape == size
    labels = cropped["labels"]
    assert {label.shape[:2] for label in labels.values()} == {size[:2]}
    np.testing.assert_allclose(labels["depth"] * 1.5, labels["semseg"] + 1.0, rtol=1e-6)


def test_scale_one_is_the_identity(sample):
    assert_same(RandomScaleCrop(scales=(1.0,))(copy.deepcopy(sample)), sample)


def test_scale_crop_refuses_to_zoom_out():
    with pytest.raises(ValueError, match="1 or more"):
        RandomScaleCrop(scales=(0.5, 1))


@pytest.mark.parametrize("size", [(12, 16), (48, 64), (31, 20)])
def test_resize_invents_no_label_value_and_commutes_with_the_flip(sample, size):
    classes, depths = (set(np.unique(sample["labels"][task])) for task in ("semseg", "depth"))
    resized = Resize(size)(copy.deepcopy(sample))
    assert resized["image"].shape == (*size, 3) and resized["image"].dtype == np.uint8
    assert set(np.unique(resized["labels"]["semseg"])) <= classes
    assert set(np.unique(resized["labels"]["depth"])) <= depths
    if size == (48, 64):
        flip = RandomFlip(p=1)
        assert_same_labels(flip(resized), Resize(size)(flip(copy.deepcopy(sample))))


def test_resized_labels_come_from_the_pixel_whose_centre_is_nearest(sample):
    columns = np.broadcast_to(np.arange(30, dtype=np.uint8), (6, 30))
    sample |= {"image": np.zeros((6, 30, 3), np.uint8), "labels": {"semseg": columns}}
    assert Resize((2, 10))(sample)["labels"]["semseg"][0].tolist() == list(range(1, 30, 3))


def assert_same_labels(first: dict, second: dict) -> None:
    for task in ("semseg", "depth", "normals"):
        np.testing.assert_array_equal(first["labels"][task], second["labels"][task])


def test_resized_image_clips_bicubic_overshoot_instead_of_wrapping_around(sample):
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    sample |= {"image": image, "labels": {}}
    row = Resize((64, 64))(sample)["image"][32, :, 0].astype(int)
    assert row[:24].max() <= 20 and row[-24:].min() >= 235  # 260 -> 4 and -9 -> 247 would break this
    assert (np.diff(row) >= 0).all()


def test_void_of_image_labels_survives_resizing(sample):
    sample["labels"] = {"albedo": np.full((24, 32, 1), 0.5, np.float32)}
    sample["labels"]["albedo"][:, :16] = np.nan
    albedo = Resize((48, 64))(sample)["labels"]["albedo"]
    assert albedo.shape == (48, 64, 1)
    assert np.isnan(albedo[:, :32]).all() and (albedo[:, 34:] == 0.5).all()


def test_pad_adds_black_and_void_and_remembers_the_content(sample):
    padded = Pad(multiple=20)(copy.deepcopy(sample))
    assert padded["image"].shape == (40, 40, 3) and padded["content"] == (0, 0, 24, 32)
    assert (padded["image"][24:] == 0).all() and (padded["labels"]["semseg"][:, 32:] == 255).all()
    assert np.isnan(padded["labels"]["albedo"][24:]).all() and (padded["labels"]["normals"][24:] == 0).all()
    np.testing.assert_array_equal(padded["labels"]["depth"][:24, :32], sample["labels"]["depth"])


def test_colour_jitter_without_strength_is_the_identity_and_never_touches_labels(sample):
    assert_same(ColorJitter()(copy.deepcopy(sample)), sample)
    jittered = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2)(copy.deepcopy(sample))
    assert not np.array_equal(jittered["image"], sample["image"])
    assert_same({**sample, "image": jittered["image"]}, jittered)


def test_a_third_of_the_colour_circle_turns_red_to_green_or_blue(sample):
    sample["image"] = np.zeros((4, 4, 3), np.uint8) + np.uint8([255, 0, 0])
    sample |= {"labels": {}, "rng": FixedRng(uniform=[1 / 3] * 4)}
    jitter = ColorJitter(hue=0.5)
    jitter.strength = {"hue": 0.5}
    np.testing.assert_array_equal(jitter(sample)["image"][0, 0], [0, 255, 0])


def test_brightness_scales_the_image(sample):
    sample["image"] //= 2
    sample["rng"] = FixedRng(uniform=[0.5])
    jitter = ColorJitter(brightness=0.5)
    jitter.strength = {"brightness": 0.5}
    brighter = jitter({**sample, "labels": {}})["image"]
    np.testing.assert_allclose(brighter, sample["image"] * 1.5, atol=1)


def test_transforms_are_built_from_config_dicts():
    built = build_transforms([{"type": "RandomFlip", "p": 0.5}, {"type": "ColorJitter", "hue": 0.1}, Pad(32)])
    assert [type(transform) for transform in built] == [RandomFlip, ColorJitter, Pad]
    assert TRANSFORMS.scope == "mtlbench"


class FixedRng:
    """Return the given draws."""

    def __init__(self, uniform: list[float]) -> None:
        self.draws = list(uniform)

    def uniform(self, low: float, high: float) -> float:
        return self.draws.pop(0)

    def permutation(self, items: list) -> list:
        return items


@pytest.mark.parametrize("transform", [RandomScaleCrop(scales=(1.5,)), RandomRotateScale(scales=(1.3, 1.3))])
def test_zooming_keeps_inverse_depth_the_inverse_of_depth(sample, transform):
    sample["labels"]["disparity"] = 1 / sample["labels"]["depth"]
    sample["kinds"] = {**sample["kinds"], "disparity": "inverse"}
    labels = transform(copy.deepcopy(sample))["labels"]
    valid = labels["depth"] > 0
    assert valid.mean() > 0.5 and (valid == (labels["disparity"] > 0)).all()
    np.testing.assert_allclose(labels["depth"][valid] * labels["disparity"][valid], 1, rtol=1e-6)
    assert labels["depth"].max() < 9 / 1.2

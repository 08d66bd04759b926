from __future__ import annotations

import copy

import numpy as np
import pytest

from mtlbench.data.framing import Pad, RandomCrop
from mtlbench.data.transforms import RandomFlip, RandomScale, Resize
from mtlbench.data.view import EvalView, TrainView

VOID = {"semseg": 255, "depth": 0, "normals": 0, "albedo": np.nan}
#: as InvPT trains
CHAIN = [RandomScale(), RandomCrop((20, 24), 0.75), RandomFlip(), Pad(size=(20, 24), centred=True)]


def places(size: tuple[int, int]) -> np.ndarray:
    """Return 1 + the number of each pixel as an exact float32."""
    return np.arange(1, size[0] * size[1] + 1, dtype=np.float32).reshape(size)


def seeded(sample: dict, seed: int) -> dict:
    return {**copy.deepcopy(sample), "rng": np.random.default_rng(seed)}


def share(classes: np.ndarray) -> float:
    """Return the largest class's share of what is not void; 1 where nothing is left."""
    known = [value for value in classes.ravel().tolist() if value != 255]
    return max((known.count(value) / len(known) for value in set(known)), default=1.0)


@pytest.mark.parametrize("factor", [0.5, 0.83, 1.0, 1.6, 2.0])
def test_scaling_takes_labels_from_the_nearest_pixel_and_moves_depth(sample, factor):
    size = sample["image"].shape[:2]
    sample["labels"] |= {"depth": places(size), "disparity": 1 / places(size)}
    sample["kinds"] = {**sample["kinds"], "disparity": "inverse"}
    before = copy.deepcopy(sample)
    after = RandomScale((factor, factor))(sample)
    height, width = after["image"].shape[:2]
    assert (height, width) == (int(24 * factor), int(32 * factor))
    labels = after["labels"]
    rows, columns = divmod(np.rint(labels["depth"].astype(float) * factor).astype(int) - 1, 32)
    centres = (np.indices((height, width)) + 0.5) * [[[24 / height]], [[32 / width]]] - 0.5
    assert np.abs(rows - centres[0]).max() <= 0.5 and np.abs(columns - centres[1]).max() <= 0.5
    np.testing.assert_array_equal(labels["semseg"], before["labels"]["semseg"][rows, columns])
    np.testing.assert_array_equal(labels["normals"], before["labels"]["normals"][rows, columns])
    np.testing.assert_allclose(labels["depth"] * labels["disparity"], 1, rtol=1e-6)


def test_factors_are_drawn_uniformly(sample):
    heights = [RandomScale((0.5, 2.0))(seeded(sample, seed))["image"].shape[0] for seed in range(400)]
    assert min(heights) >= 12 and max(heights) <= 48
    assert np.mean(heights) == pytest.approx(24 * 1.25, abs=2) and len(set(heights)) > 30


@pytest.mark.parametrize("seed", range(5))
def test_a_crop_is_one_window_of_everything(sample, seed):
    before = copy.deepcopy(sample)
    before["labels"]["depth"] = sample["labels"]["depth"] = places((24, 32))
    cropped = RandomCrop((10, 12))(seeded(sample, seed))
    top, left = divmod(int(cropped["labels"]["depth"][0, 0]) - 1, 32)
    window = np.s_[top : top + 10, left : left + 12]
    np.testing.assert_array_equal(cropped["image"], before["image"][window])
    for task, label in before["labels"].items():
        np.testing.assert_array_equal(cropped["labels"][task], label[window])


def test_every_window_can_be_drawn(sample):
    sample["labels"] = {"depth": places((24, 32))}
    found = {RandomCrop((23, 30))(seeded(sample, seed))["labels"]["depth"][0, 0] for seed in range(200)}
    assert found == {1 + 32 * top + left for top in range(2) for left in range(3)}


def test_a_shorter_side_is_kept_whole(sample):
    cropped = RandomCrop((40, 20))(sample)
    assert cropped["image"].shape == (24, 20, 3)
    assert {label.shape[:2] for label in cropped["labels"].values()} == {(24, 20)}


def test_no_class_fills_more_of_a_crop_than_allowed(sample):
    classes = np.zeros((24, 32), np.uint8)
    classes[12:], classes[:, :4] = 1, 255  # windows begin in one of 13 rows, in 4 of them too uniform
    sample["labels"]["semseg"] = classes
    free, kept = RandomCrop((12, 8)), RandomCrop((12, 8), 0.9)
    assert sum(share(free(seeded(sample, seed))["labels"]["semseg"]) >= 0.9 for seed in range(100)) > 15
    # eleven such windows in a row are drawn once in 400,000 times
    assert max(share(kept(seeded(sample, seed))["labels"]["semseg"]) for seed in range(100)) < 0.9


def test_another_task_can_be_named(sample):
    classes = np.zeros((24, 32), np.uint8)
    classes[12:] = 1
    sample["labels"]["parts"], sample["kinds"] = classes, {**sample["kinds"], "parts": "classes"}
    crop = RandomCrop((12, 8), 0.9, task="parts")
    assert max(share(crop(seeded(sample, seed))["labels"]["parts"]) for seed in range(30)) < 0.9


@pytest.mark.parametrize("value", [3, 255])
def test_where_one_class_is_everywhere_some_crop_is_taken(sample, value):
    sample["labels"]["semseg"][:] = value
    cropped = RandomCrop((8, 8), 0.75)(sample)
    assert cropped["image"].shape == (8, 8, 3) and (cropped["labels"]["semseg"] == value).all()


def test_a_hidden_label_decides_nothing_and_later_draws_stay(sample):
    sample["labels"]["semseg"][:] = 3
    shown = seeded(sample, 7)
    hidden = seeded({**sample, "labels": {"depth": sample["labels"]["depth"]}}, 7)
    plain = RandomCrop((8, 8))(seeded(sample, 7))
    RandomCrop((8, 8), 0.75)(shown)
    RandomCrop((8, 8), 0.75)(hidden)
    np.testing.assert_array_equal(hidden["image"], plain["image"])
    assert shown["rng"].random() == hidden["rng"].random() == plain["rng"].random()


@pytest.mark.parametrize(
    "pad, size, corner",
    [
        (Pad(multiple=20), (40, 40), (0, 0)),
        (Pad(size=(30, 40)), (30, 40), (0, 0)),
        (Pad(size=(31, 40), centred=True), (31, 40), (3, 4)),
        (Pad(size=(20, 40), centred=True), (24, 40), (0, 4)),
        (Pad(multiple=16, size=(33, 20), colour=(124, 116, 104)), (48, 32), (0, 0)),
    ],
    ids=["multiple", "size", "centred", "at-least", "both"],
)
def test_what_is_added_is_of_one_colour_and_void(sample, pad, size, corner):
    padded = pad(copy.deepcopy(sample))
    top, left = corner
    assert padded["image"].shape == (*size, 3) and padded["content"] == (top, left, 24, 32)
    for y, x in np.ndindex(size):
        inside = top <= y < top + 24 and left <= x < left + 32
        image = sample["image"][y - top, x - left] if inside else pad.colour
        assert (padded["image"][y, x] == image).all()
        for task, label in padded["labels"].items():
            expected = sample["labels"][task][y - top, x - left] if inside else VOID[task]
            assert np.array_equal(label[y, x], np.broadcast_to(expected, label[y, x].shape), equal_nan=True)


def test_a_chain_of_all_is_a_function_of_seed_epoch_and_index(fake, kinds):
    first, second = (TrainView(fake(), kinds, CHAIN, seed=4) for _ in range(2))
    for key in [(1, 3), (0, 0), (5, 2)]:
        one, other = first[key], second[key]
        assert one["image"].shape == (20, 24, 3)
        for task in kinds:
            assert one["labels"][task].shape[:2] == (20, 24)
            np.testing.assert_array_equal(one["labels"][task], other["labels"][task])
        void = one["labels"]["semseg"] == 255
        assert ((one["image"] == 0).all(2) | ~void).all() and (one["labels"]["depth"][void] == 0).all()


def test_a_batch_says_where_centred_images_lie(fake, kinds):
    from mtlbench.data.collate import collate_eval

    view = EvalView(fake(), kinds, [Resize((12, 16)), Pad(size=(20, 20), centred=True)])
    batch = collate_eval([view[0]], kinds)
    (top, left, height, width), image = batch["content"][0], batch["inputs"][0]
    cut = image[:, top : top + height, left : left + width].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(cut, EvalView(fake(), kinds, [Resize((12, 16))])[0]["image"])

from __future__ import annotations

import numpy as np
import pytest

from mtlbench.data.view import EvalView, TrainView
from mtlbench.errors import MtlbenchError

RANDOM = [
    {"type": "RandomFlip"},
    {"type": "RandomScaleCrop"},
    {"type": "RandomRotateScale"},
    {"type": "ColorJitter", "brightness": 0.4, "hue": 0.1},
]


def pixels(sample: dict) -> bytes:
    return sample["image"].tobytes() + b"".join(label.tobytes() for label in sample["labels"].values())


def test_a_sample_depends_on_seed_epoch_and_index_only(fake, kinds):
    keys = [(epoch, index) for epoch in range(3) for index in range(6)]
    view = TrainView(fake(), kinds, RANDOM, seed=7)
    forward = {key: pixels(view[key]) for key in keys}
    other = TrainView(fake(), kinds, RANDOM, seed=7)
    assert {key: pixels(other[key]) for key in reversed(keys)} == forward
    assert len(set(forward.values())) == len(keys)
    assert pixels(TrainView(fake(), kinds, RANDOM, seed=8)[0, 0]) != forward[0, 0]


def test_hidden_labels_never_reach_a_transform_or_a_batch(fake, kinds):
    met = []

    def spy(sample):
        met.append((sample["id"], set(sample["labels"])))
        return sample

    visible = {f"img{index}": (("semseg",), ("depth", "normals"), ())[index % 3] for index in range(6)}
    view = TrainView(fake(), kinds, [spy], seed=0, visible=visible)
    for index in range(6):
        assert set(view[0, index]["labels"]) == set(visible[f"img{index}"])
    assert dict(met) == {name: set(tasks) for name, tasks in visible.items()}


def test_hiding_a_label_leaves_the_augmentation_of_the_rest_as_it_was(fake, kinds):
    full = TrainView(fake(), kinds, RANDOM, seed=0)[0, 1]
    part = TrainView(fake(), kinds, RANDOM, seed=0, visible={"img1": ("depth",)})[0, 1]
    np.testing.assert_array_equal(part["image"], full["image"])
    np.testing.assert_array_equal(part["labels"]["depth"], full["labels"]["depth"])


def test_tasks_that_are_not_asked_for_are_dropped(fake):
    view = TrainView(fake(), {"depth": "scalar"}, [], seed=0)
    assert set(view[0, 0]["labels"]) == {"depth"}
    assert set(EvalView(fake(), {"depth": "scalar"})[0]["labels"]) == {"depth"}


def test_evaluation_transforms_the_image_and_keeps_labels_native(fake, kinds):
    dataset = fake()
    sample = EvalView(dataset, kinds, [{"type": "Resize", "size": (10, 12)}, {"type": "Pad", "multiple": 8}])[
        2
    ]
    assert sample["image"].shape == (16, 16, 3) and sample["content"] == (0, 0, 10, 12)
    for task, label in dataset[2]["labels"].items():
        np.testing.assert_array_equal(sample["labels"][task], label)


def test_evaluation_refuses_random_transforms(fake, kinds):
    with pytest.raises(
        MtlbenchError, match="RandomFlip is random and cannot be used in evaluation; keep it in"
    ):
        EvalView(fake(), kinds, [{"type": "RandomFlip"}])


def test_labels_that_are_scored_like_the_image_are_transformed_like_it(fake, kinds):
    transforms = [{"type": "Resize", "size": (10, 12)}, {"type": "Pad", "multiple": 8}]
    dataset = fake()
    sample = EvalView(dataset, kinds, transforms, with_labels=True)[0]
    assert sample["image"].shape[:2] == (16, 16) and "content" not in sample
    trained = TrainView(dataset, kinds, transforms, seed=0)[0, 0]
    assert sample["labels"].keys() == trained["labels"].keys() != set()
    for task, label in sample["labels"].items():
        assert label.shape[:2] == (16, 16)
        np.testing.assert_array_equal(label, trained["labels"][task])

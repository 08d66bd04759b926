from __future__ import annotations

import numpy as np
import pytest

from mtlbench.data.check import validate, vector_lengths
from mtlbench.data.errors import BadSample

CLASSES = {"semseg": 5}


def put(task: str, where, value):
    def spoil(sample: dict) -> None:
        sample["labels"][task][where] = value

    return spoil


def convert(task: str, function):
    def spoil(sample: dict) -> None:
        sample["labels"][task] = function(sample["labels"][task])

    return spoil


def grey_image(sample: dict) -> None:
    sample["image"] = sample["image"][..., 0]


BROKEN = [
    (grey_image, "image", r"instead of uint8 \(H, W, 3\); convert it to 8-bit RGB"),
    (convert("depth", lambda label: label[1:]), "depth", r"\(23, 32\) beside an image of \(24, 32\)"),
    (convert("normals", lambda label: label[..., :2]), "normals", r"must have the shape \(24, 32, 3\)"),
    (convert("depth", lambda label: label.astype(float)), "depth", "float64.*as float32"),
    (convert("semseg", lambda label: label.astype(np.int64)), "semseg", "int64.*as uint8"),
    (put("semseg", (0, 0), 5), "semseg", r"holds class 5 at 1 pixel.*0 to 4"),
    (put("depth", (3, 4), np.nan), "depth", "NaN or infinity at 1 value.*0 or less"),
    (put("depth", (3, 4), np.inf), "depth", "NaN or infinity"),
    (put("normals", (0, 0), np.nan), "normals", "NaN or infinity at 3 value.*zero vector"),
    (
        put("normals", (0, 0), (0.5, 0, 0)),
        "normals",
        r"1 vector\(s\) that are not of unit length \(one is 0.5\)",
    ),
    (put("albedo", (0, 0), 200.0), "albedo", "outside 0 to 1; divide 8-bit values by 255"),
]


@pytest.mark.parametrize(("spoil", "task", "message"), BROKEN)
def test_each_fault_has_one_error_that_names_file_id_task_and_fix(sample, kinds, spoil, task, message):
    spoil(sample)
    with pytest.raises(BadSample, match=message) as caught:
        validate(sample, kinds, {task: f"/data/{task}/img0.npy"}, CLASSES)
    assert str(caught.value).startswith(f"{task} of sample img0 (/data/{task}/img0.npy)")


def test_good_samples_and_void_pass(sample, kinds):
    validate(sample, kinds, "here", CLASSES)
    for task, void in (("semseg", 255), ("depth", -1), ("normals", 0), ("albedo", np.nan)):
        sample["labels"][task][:] = void
    validate(sample, kinds, "here", CLASSES)


def test_lengths_are_those_of_numpy_to_the_last_bit():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(30, 40, 3)) * 10.0 ** rng.integers(-30, 16, (30, 40, 1))).astype(np.float32)
    vectors[:3] = [0.0, -0.0, np.nan]
    assert vector_lengths(vectors).tobytes() == np.linalg.norm(vectors, axis=-1).tobytes()

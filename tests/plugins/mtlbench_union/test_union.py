from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import eval_loader, open_datasets, train_loader
from mtlbench.engine.registries import register
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_synthrooms.dataset import SynthRooms
from mtlbench_union.dataset import Union

ROOMS = {"type": "synthrooms", "size": (32, 48), "train_rooms": 5, "val_rooms": 2}
PARTS = {
    "a": {**ROOMS, "tasks": ["semseg", "depth"]},
    "b": {**ROOMS, "tasks": ["depth", "edge"], "train_rooms": 3, "world": "tune"},
}
TASKS = ("semseg", "depth", "edge")


@pytest.fixture(autouse=True)
def cache(rooms_cache, monkeypatch):
    monkeypatch.setenv("MTLBENCH_CACHE", str(rooms_cache))


def test_samples_are_those_of_the_parts_with_their_own_labels():
    union = Union("train", TASKS, PARTS)
    assert len(union) == 8 and len({*union.ids}) == 8
    whole = {
        "a": SynthRooms("train", ("semseg", "depth"), (32, 48), 5, 2),
        "b": SynthRooms("train", ("depth", "edge"), (32, 48), 3, 2, "tune"),
    }
    expected = [(name, part[index]) for name, part in whole.items() for index in range(len(part))]
    for index, (name, sample) in enumerate(expected):
        found = union[index]
        assert found["id"] == union.ids[index] == f"{name}/{sample['id']}"
        np.testing.assert_array_equal(found["image"], sample["image"])
        assert found["labels"].keys() == sample["labels"].keys()
        for task, label in sample["labels"].items():
            np.testing.assert_array_equal(found["labels"][task], label)


def test_parts_are_asked_for_the_tasks_that_train_only():
    union = Union("val", ("edge",), PARTS)
    assert [sorted(union[index]["labels"]) for index in range(4)] == [[], [], ["edge"], ["edge"]]


def test_the_fingerprint_follows_the_parts():
    marks = {
        Union("train", TASKS, parts).fingerprint()
        for parts in (
            PARTS,
            {"a": PARTS["a"]} | {"c": PARTS["b"]},
            {**PARTS, "b": {**PARTS["b"], "world": "main"}},
        )
    }
    assert len(marks) == 3
    assert Union("train", ("depth",), PARTS).fingerprint() in marks


@pytest.mark.parametrize(
    "tasks, parts, message",
    [
        (TASKS, {}, "name datasets in dataset.parts"),
        (("normals",), PARTS, "No part of the union has the task 'normals'"),
        (("edges",), PARTS, 'Did you mean "edge"'),
        (TASKS, {"A/b": PARTS["a"]}, "'A/b' cannot name a part"),
        (TASKS, {"a": ROOMS}, "'a' needs a type, and a list of the tasks"),
        (TASKS, {"a": {**ROOMS, "tasks": TASKS, "rooms": 3}}, "dataset 'synthrooms' has no option 'rooms'"),
        (("seg",), {"a": {**ROOMS, "tasks": ["seg"]}}, "synthrooms has no task 'seg'"),
        (TASKS, {"a": {"type": "synthroom", "tasks": TASKS}}, 'Did you mean "synthrooms"'),
    ],
)
def test_what_is_no_union_is_refused(tasks, parts, message):
    with pytest.raises(MtlbenchError, match=message):
        Union("train", tasks, parts)


def test_an_experiment_trains_and_scores_each_image_on_its_own_tasks(tiny_config):
    config = tiny_config("schedule.update(batch_size=8)")
    shown = {"a": ["semseg"], "b": ["depth"]}
    experiment = load_experiment(
        config,
        values={
            "dataset": {"type": "union", "parts": PARTS},
            "label_protocol": {"type": "cross-dataset", "parts": shown},
        },
    )
    register(experiment, Catalog.load())
    kinds = {"semseg": "classes", "depth": "scalar"}
    train, val = open_datasets(experiment, Catalog.load())
    loader, steps = train_loader(experiment, train, kinds, 0, 0)
    (batch,) = islice(loader, steps)
    for place, image in enumerate(batch["ids"]):
        seen = [task for task in kinds if batch["labelled"][task][place]]
        assert seen == shown[image[0]], image
    (batch,) = eval_loader(experiment, val, kinds)
    assert [label is not None for label in batch["labels"]["semseg"]] == [True, True, False, False]
    assert all(label is not None for label in batch["labels"]["depth"])

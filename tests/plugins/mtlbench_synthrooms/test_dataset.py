from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mtlbench.data.check import validate
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_synthrooms.dataset import SynthRooms
from mtlbench_synthrooms.layouts.nyud import NYU40
from mtlbench_synthrooms.render import render_room
from mtlbench_synthrooms.scene import CLASSES

KINDS = {"semseg": "classes", "depth": "scalar", "normals": "vector", "edge": "classes",
         "saliency": "classes", "albedo": "image", "shading": "image"}  # fmt: skip
SMALL = {"size": (24, 32), "train_rooms": 6, "val_rooms": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))


def test_samples_are_the_rendered_rooms_and_keep_the_contract():
    dataset = SynthRooms("val", tuple(KINDS), **SMALL)
    assert len(dataset) == 3
    for index, name in enumerate(dataset.ids):
        sample, room = dataset[index], render_room(index, (24, 32), "val")
        assert sample["id"] == name
        validate(sample, KINDS, "synthrooms", {"semseg": len(CLASSES), "edge": 2, "saliency": 2})
        np.testing.assert_array_equal(sample["image"], room["image"])
        for task in ("semseg", "depth", "normals", "edge", "saliency"):
            np.testing.assert_array_equal(sample["labels"][task], room[task])
        np.testing.assert_array_equal(np.rint(sample["labels"]["albedo"] * 255), room["albedo"])
        np.testing.assert_array_equal(sample["labels"]["shading"][..., 0], room["shading"])


def test_only_asked_labels_are_served():
    assert set(SynthRooms("train", ("depth",), **SMALL)[0]["labels"]) == {"depth"}


def test_splits_and_worlds_share_no_room():
    images = [
        SynthRooms(split, (), world=world, **SMALL)[index]["image"].tobytes()
        for split in ("train", "val") for world in ("main", "pretrain") for index in range(3)
    ]  # fmt: skip
    assert len(set(images)) == len(images)


def test_the_fingerprint_follows_what_the_split_holds_and_not_the_tasks(monkeypatch):
    def fingerprint(split="train", tasks=(), **options):
        return SynthRooms(split, tasks, **{**SMALL, **options}).fingerprint()

    assert fingerprint() == fingerprint(tasks=("depth",)) == fingerprint(val_rooms=2)
    others = [
        fingerprint("val"),
        fingerprint(train_rooms=5),
        fingerprint(size=(32, 24)),
        fingerprint(world="pretrain"),
    ]
    monkeypatch.setattr("mtlbench_synthrooms.dataset.RENDER_VERSION", 0)
    assert len({fingerprint(), *others, SynthRooms("val", (), **SMALL).fingerprint()}) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "test", "tasks": ()}, "no split 'test'.*Choose from: train, val"),
        ({"split": "val", "tasks": ("depht",)}, "no task 'depht'. Did you mean \"depth\""),
        ({"split": "val", "tasks": (), "world": "moon"}, "no world 'moon'.*main, pretrain"),
    ],
)
def test_unknown_options_are_refused_with_what_there_is(arguments, message):
    with pytest.raises(MtlbenchError, match=message):
        SynthRooms(**arguments)


def test_cached_samples_are_read_at_more_than_64_per_second():
    dataset = SynthRooms("train", tuple(KINDS), train_rooms=32)
    start = time.perf_counter()
    for index in range(32):
        dataset[index]
    assert 32 / (time.perf_counter() - start) > 64


def test_the_plugin_offers_the_dataset():
    assert Catalog.load().resolve("dataset", "synthrooms") is SynthRooms


def test_the_nyud_layout_holds_the_rendered_labels(tmp_path):
    root = tmp_path / "NYUD_MT"
    SynthRooms.write_layout("nyud", root, train=2, val=1, size=(48, 64))
    assert (root / "gt_sets/train.txt").read_text() == "0001\n0002\n"
    assert (root / "gt_sets/val.txt").read_text() == "0003\n"
    for name, seed, split in (("0001", 0, "train"), ("0002", 1, "train"), ("0003", 0, "val")):
        room = render_room(seed, (48, 64), split)
        for task in ("depth", "normals", "edge"):
            stored = np.load(root / task / f"{name}.npy", allow_pickle=False)
            assert stored.dtype == room[task].dtype
            np.testing.assert_array_equal(stored, room[task])
        number = cv2.imread(str(root / f"segmentation/{name}.png"), cv2.IMREAD_UNCHANGED)
        assert [NYU40[CLASSES[k]] for k in room["semseg"].ravel()] == number.ravel().tolist()
        image = cv2.imread(str(root / f"images/{name}.jpg"))[..., ::-1].astype(float)
        assert np.abs(image - room["image"]).mean() < 8  # RGB and BGR mixed up, or another room, are far off


def test_rooms_are_not_written_among_other_files(tmp_path):
    (tmp_path / "photo.jpg").write_text("")
    with pytest.raises(MtlbenchError, match="not empty; remove it or name another folder"):
        SynthRooms.write_layout("nyud", tmp_path, train=1, val=1)


def test_unknown_layouts_are_refused_with_what_there_is(tmp_path):
    with pytest.raises(MtlbenchError, match=r"cannot write the layout 'nyu'\. Did you mean .nyud"):
        SynthRooms.write_layout("nyu", tmp_path)

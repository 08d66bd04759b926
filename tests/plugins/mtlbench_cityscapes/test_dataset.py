from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlbench.data.check import validate
from mtlbench.data.errors import BadSample, MissingData
from mtlbench.engine.config import load_experiment
from mtlbench.engine.demo import prepare
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_cityscapes.classes import CLASSES, IDS, PALETTE, TO_TRAIN_ID
from mtlbench_cityscapes.dataset import Cityscapes

TASKS = ("semseg", "depth")
KINDS = {"semseg": "classes", "depth": "inverse"}
LINDAU = "val/lindau/lindau_000003_000019"
CONFIGS = Path(__file__).parents[3] / "configs"


def test_the_nineteen_classes_are_those_of_the_published_table():
    published = {7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole",
                 19: "traffic light", 20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky",
                 24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train", 32: "motorcycle",
                 33: "bicycle"}  # fmt: skip
    assert dict(zip(IDS, CLASSES, strict=True)) == published and len(set(PALETTE)) == 19
    assert [int(TO_TRAIN_ID[number]) for number in sorted(published)] == list(range(19))
    assert (np.delete(TO_TRAIN_ID, sorted(published)) == 255).all()


def test_files_are_read_as_they_are_stored(root, arrays):
    dataset = Cityscapes("train", TASKS, root)
    assert dataset.ids == ("aachen_000000_000019", "aachen_000001_000019", "bochum_000000_000885")
    sample, stored = dataset[2], arrays("bochum_000000_000885")
    validate(sample, KINDS, "cityscapes", {"semseg": 19})
    np.testing.assert_array_equal(sample["image"], stored["leftImg8bit"])
    for id_, label in zip(stored["gtFine_labelIds"].flat, sample["labels"]["semseg"].flat, strict=True):
        assert label == (IDS.index(id_) if id_ in IDS else 255)
    depth = sample["labels"]["depth"]
    assert (depth[0] == 0).all()
    np.testing.assert_array_equal(depth[1:], (stored["disparity"][1:].astype(np.float64) - 1) / 256)


def test_a_disparity_of_zero_is_void_as_a_missing_one(root):
    Image.fromarray(np.tile(np.uint16([[0, 1, 2, 257]]), (12, 6))).save(
        root / f"disparity/{LINDAU}_disparity.png"
    )
    depth = Cityscapes("val", ("depth",), root)[0]["labels"]["depth"]
    np.testing.assert_array_equal(depth[0, :4], np.float32([0, 0, 1 / 256, 1]))


def test_only_files_of_asked_tasks_are_opened(root):
    shutil.rmtree(root / "gtFine")
    assert set(Cityscapes("val", ("depth",), root)[0]["labels"]) == {"depth"}


def test_the_fingerprint_follows_names_and_sizes_but_not_tasks(root):
    first = Cityscapes("train", TASKS, root).fingerprint()
    assert first == Cityscapes("train", ("depth",), root).fingerprint()
    assert first != Cityscapes("val", TASKS, root).fingerprint()
    os.truncate(root / "disparity/train/bochum/bochum_000000_000885_disparity.png", 100)
    assert first != Cityscapes("train", TASKS, root).fingerprint()


def test_a_missing_root_names_the_path_and_three_ways_on(tmp_path):
    with pytest.raises(MissingData) as caught:
        Cityscapes("train", TASKS, tmp_path / "nowhere")
    for part in (str(tmp_path / "nowhere"), "mtlbench data get cityscapes", "--data-root PATH", "--demo"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (f"disparity/{LINDAU}_disparity.png",
         r"disparity.val lacks 1 of 2 files, such as lindau_000003_000019_disp"),
        (f"leftImg8bit/{LINDAU}_leftImg8bit.png",
         r"leftImg8bit.val lacks 1 of 2 files, .*_leftImg8bit.png; .*must"),
        ("gtFine", r"gtFine.val lacks 2 of 2 files, such as lindau_000003_000019_gtFine_labelIds.png"),
        (".", r"leftImg8bit.val lacks all of the files, such as CITY/\*_leftImg8bit.png"),
    ],
)  # fmt: skip
def test_absent_files_are_found_at_once(root, spoil, message):
    path = root / spoil
    if path.is_dir():
        shutil.rmtree(path)
        root.mkdir(exist_ok=True)
    else:
        path.unlink()
    with pytest.raises(MissingData, match=message):
        Cityscapes("val", TASKS, root)


def cut(path: str):
    return lambda root: os.truncate(root / path, (root / path).stat().st_size * 2 // 3)


def picture(path: str, array):
    return lambda root: Image.fromarray(array).save(root / path)


IMAGE, IDS_FILE, DISPARITY = (
    f"leftImg8bit/{LINDAU}_leftImg8bit.png",
    f"gtFine/{LINDAU}_gtFine_labelIds.png",
    f"disparity/{LINDAU}_disparity.png",
)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut(IMAGE), r"leftImg8bit.png cannot be decoded .*replace it"),
        (cut(IDS_FILE), r"labelIds.png cannot be decoded .*replace it"),
        (cut(DISPARITY), r"disparity.png cannot be decoded .*replace it"),
        (lambda root: (root / IMAGE).write_bytes(b""), r"leftImg8bit.png cannot be decoded"),
        (picture(IDS_FILE, np.full((12, 24), 34, np.uint8)),
         r"labelIds.png holds the id 34, but ids are 0 to 33"),
        (picture(IDS_FILE, np.full((12, 24, 3), 3, np.uint8)), r"\(12, 24, 3\) instead of uint8 \(H, W\)"),
        (picture(IDS_FILE, np.full((12, 24), 3, np.uint16)),
         r"labelIds.png holds \w+ \(12, 24\) instead of uint8"),
        (picture(IDS_FILE, np.zeros((6, 12), np.uint8)),
         r"semseg of sample lindau_000003_000019 .*\(6, 12\) beside"),
        (picture(DISPARITY, np.zeros((12, 24), np.uint8)),
         r"holds uint8 instead of 16 bits, so it was converted"),
        (picture(DISPARITY, np.zeros((6, 12), np.uint16)), r"depth of sample .*\(6, 12\) beside an image"),
    ],
)  # fmt: skip
def test_each_broken_file_has_one_error_that_names_it(root, spoil, message):
    dataset = Cityscapes("val", TASKS, root)
    spoil(root)
    with pytest.raises(BadSample, match=message) as caught:
        dataset[0]
    assert "lindau_000003_000019" in str(caught.value)


def test_unknown_arguments_are_refused_with_what_there_is(root):
    with pytest.raises(MtlbenchError, match=r"no task 'normals'.*Choose from: semseg, depth"):
        Cityscapes("val", ("normals",), root)
    with pytest.raises(MtlbenchError, match=r"no split 'test'.*Choose from: train, val"):
        Cityscapes("test", TASKS, root)


def test_check_reports_on_both_splits(root):
    lines = list(Cityscapes.check(root))
    assert lines[0].startswith("train: 3 images (published: 2975); 12x24; fingerprint ")
    assert f"fingerprint {Cityscapes('val', TASKS, root).fingerprint()}" in lines[4]
    assert lines[7].startswith("val depth: 2 of float32; void 8.33%; values ")
    cut(DISPARITY)(root)
    with pytest.raises(BadSample, match="1 problem"):
        list(Cityscapes.check(root))


def test_rooms_written_in_the_layout_are_read_back_as_rendered(tmp_path, monkeypatch):
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    rooms.write_layout("cityscapes", tmp_path / "rooms", train=2, val=1, size=(48, 64))
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    rendered = rooms("train", TASKS, size=(48, 64), train_rooms=2, val_rooms=1)
    read = Cityscapes("train", TASKS, tmp_path / "rooms")
    for index in range(2):
        expected, sample = rendered[index]["labels"], read[index]
        np.testing.assert_array_equal(sample["image"], rendered[index]["image"])
        np.testing.assert_array_equal(sample["labels"]["semseg"], expected["semseg"])
        np.testing.assert_allclose(sample["labels"]["depth"], 40 / expected["depth"], atol=0.002)


def test_the_config_and_its_demo_fit_the_dataset(tmp_path):
    config = tmp_path / "config.py"
    config.write_text(
        f'_base_ = ["{CONFIGS}/_base_/datasets/cityscapes.py", "{CONFIGS}/_base_/backbones/vit_base.py", '
        f'"{CONFIGS}/_base_/schedules/mtlora.py"]\n'
        'name = "lora"\nadapter = dict(type="lora")\ndecoder = dict(type="hrnet")\n'
    )
    experiment = load_experiment(config, values=prepare(config, tmp_path / "demo"))
    for task, component in experiment.tasks.items():
        assert component.options.items() <= Cityscapes.task_options[task].items()
    dataset = Cityscapes("train", tuple(experiment.tasks), **experiment.dataset.options)
    assert len(dataset) == 12 and dataset[0]["image"].shape == (96, 192, 3)

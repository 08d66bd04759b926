from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from mtlbench.data.check import validate
from mtlbench.data.errors import BadSample, MissingData
from mtlbench.data.transforms import RandomScaleCrop
from mtlbench.engine.config import load_experiment
from mtlbench.engine.demo import prepare
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_mtan.cityscapes import MTANCityscapes
from mtlbench_mtan.nyuv2 import CLASSES, MTANNYUv2

NYU = ("semseg", "depth", "normals")
STREET = ("semseg", "depth")
CONFIGS = Path(__file__).parents[3] / "configs"


def test_the_arrays_of_nyuv2_are_read_as_they_are_stored(nyuv2, arrays):
    dataset = MTANNYUv2("train", NYU, nyuv2)
    assert dataset.ids == ("0", "1", "2") and len(MTANNYUv2("val", NYU, nyuv2)) == 2
    sample, stored = dataset[2], arrays(2)
    validate(sample, MTANNYUv2.kinds, "nyuv2", {"semseg": len(CLASSES)})
    np.testing.assert_array_equal(sample["image"], np.round(stored["image"] * 255))
    labels = sample["labels"]
    assert (labels["semseg"][0] == 255).all() and (labels["normals"][0] == 0).all()
    np.testing.assert_array_equal(labels["semseg"][1:], stored["label"][1:])
    np.testing.assert_array_equal(labels["depth"], stored["depth"][..., 0])
    np.testing.assert_allclose(labels["normals"], stored["normal"], atol=1e-6)


@pytest.mark.parametrize("classes", [7, 19])
def test_both_sets_of_classes_of_cityscapes_are_read(cityscapes, arrays, classes):
    sample, stored = MTANCityscapes("val", STREET, cityscapes, classes=classes)[1], arrays(101)
    validate(sample, MTANCityscapes.kinds, "cityscapes", {"semseg": classes})
    assert (sample["labels"]["semseg"][0] == 255).all()
    np.testing.assert_array_equal(sample["labels"]["semseg"][1:], stored[f"label_{classes}"][1:])
    np.testing.assert_array_equal(sample["labels"]["depth"], stored["depth"][..., 0])


def test_the_folder_of_libmtl_is_taken_for_seven_classes(cityscapes):
    named = MTANCityscapes("train", STREET, cityscapes)
    expected, before = named[1]["labels"]["semseg"], named.fingerprint()
    for split in ("train", "val"):
        (cityscapes / split / "label_7").rename(cityscapes / split / "label")
    bare = MTANCityscapes("train", STREET, cityscapes)
    np.testing.assert_array_equal(bare[1]["labels"]["semseg"], expected)
    assert bare.fingerprint() != before
    shutil.rmtree(cityscapes / "train/label_19")
    with pytest.raises(MissingData, match=r"label_19 is missing, beside it are: depth, image, label;"):
        MTANCityscapes("train", STREET, cityscapes, classes=19)


def test_inverse_depth_grows_where_one_zooms_in(cityscapes):
    sample = MTANCityscapes("train", ("depth",), cityscapes)[0]
    sample["labels"]["depth"][:] = 0.1
    near = RandomScaleCrop((1.5,))({**sample, "kinds": MTANCityscapes.kinds, "rng": np.random.default_rng(0)})
    np.testing.assert_allclose(near["labels"]["depth"], 0.15, rtol=1e-6)


def test_resized_normals_are_normalised_or_void(nyuv2, arrays):
    vectors = arrays(0)["normal"]
    vectors[1] *= 0.8
    vectors[2] *= 0.3
    np.save(nyuv2 / "train/normal/0.npy", vectors)
    normals = MTANNYUv2("train", ("normals",), nyuv2)[0]["labels"]["normals"]
    np.testing.assert_allclose(np.linalg.norm(normals[1], axis=1), 1, atol=1e-5)
    assert (normals[2] == 0).all()


def test_only_files_of_asked_tasks_are_opened(nyuv2):
    shutil.rmtree(nyuv2 / "val/normal")
    shutil.rmtree(nyuv2 / "val/label")
    assert set(MTANNYUv2("val", ("depth",), nyuv2)[0]["labels"]) == {"depth"}


def test_the_fingerprint_follows_files_and_sizes_but_not_tasks(nyuv2, cityscapes):
    first = MTANNYUv2("train", NYU, nyuv2).fingerprint()
    assert first == MTANNYUv2("train", ("depth",), nyuv2).fingerprint()
    assert first != MTANNYUv2("val", NYU, nyuv2).fingerprint()
    np.save(nyuv2 / "train/depth/1.npy", np.ones((12, 16, 1)))
    assert first != MTANNYUv2("train", NYU, nyuv2).fingerprint()
    of_classes = {MTANCityscapes("train", ("depth",), cityscapes, classes=k).fingerprint() for k in (7, 19)}
    assert len(of_classes) == 2


def test_a_missing_root_names_the_path_and_three_ways_on(tmp_path):
    with pytest.raises(MissingData) as caught:
        MTANNYUv2("train", NYU, tmp_path / "nowhere")
    for part in (str(tmp_path / "nowhere"), "mtlbench data get mtan-nyuv2", "--data-root PATH", "--demo"):
        assert part in str(caught.value)


def remove(path: str):
    return lambda root: (root / path).unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("train/depth/1.npy"), r"train.depth lacks 1 of 3 files, the first is 1.npy"),
        (lambda root: [remove(f"train/{part}/1.npy")(root) for part in ("image", "label", "depth", "normal")],
         r"image lacks 1 of 2 files, the first is 1.npy; .*without a gap"),
        (remove("train/image/2.npy"), r"train.image lacks 1 of 3 files, the first is 2.npy"),
        (lambda root: (root / "train/image/2.npy").rename(root / "train/image/two.npy"),
         r"lacks \d of \d files"),
        (lambda root: shutil.rmtree(root / "train"),
         r"train.\w+ is missing, beside it are: no files; .*train/ and"),
        (lambda root: shutil.rmtree(root / "train/normal"),
         r"normal is missing, beside it are: depth, image, label"),
        (lambda root: [path.unlink() for path in root.glob("train/*/*.npy")], r"lacks 0 of 0 files"),
    ],
)  # fmt: skip
def test_gaps_in_the_numbers_are_found_at_once(nyuv2, spoil, message):
    spoil(nyuv2)
    with pytest.raises(MissingData, match=message):
        MTANNYUv2("train", NYU, nyuv2)


def cut(path: str):
    return lambda root: os.truncate(root / path, (root / path).stat().st_size * 2 // 3)


def save(path: str, array, allow_pickle: bool = False):
    return lambda root: np.save(root / path, array, allow_pickle=allow_pickle)


def with_value(shape, where, value):
    array = np.zeros(shape)
    array[where] = value
    return array


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut("train/image/1.npy"), r"image.1.npy cannot be read as an array.*replace it"),
        (cut("train/depth/1.npy"), r"depth.1.npy cannot be read as an array.*replace it"),
        (save("train/label/1.npy", np.array([{}]), True), r"label.1.npy cannot be read as an array"),
        (save("train/image/1.npy", np.zeros((12, 16, 3), np.uint8)),
         r"uint8 \(12, 16, 3\) instead of floating"),
        (save("train/image/1.npy", with_value((12, 16, 3), (0, 0, 0), 255)),
         r"values from 0 to 255, not 0 to 1"),
        (save("train/image/1.npy", with_value((12, 16, 3), (0, 0, 0), np.nan)), r"values from nan to nan"),
        (save("train/label/1.npy", np.full((12, 16), 13)),
         r"holds class 13, but classes are 0 to 12, -1 = void"),
        (save("train/label/1.npy", np.full((12, 16), -2)), r"holds class -2, but"),
        (save("train/label/1.npy", np.full((12, 16), 0.5)), r"fractions or NaN instead of classes"),
        (save("train/label/1.npy", with_value((12, 16), (0, 0), np.nan)), r"fractions or NaN instead"),
        (save("train/depth/1.npy", np.zeros((12, 16), np.int64)), r"int64 \(12, 16\) instead of floating"),
        (save("train/depth/1.npy", with_value((12, 16, 1), (0, 0), np.inf)),
         r"depth of sample 1 .*infinity at 1"),
        (save("train/normal/1.npy", np.zeros((12, 16))),
         r"float64 \(12, 16\) instead of floating \(H, W, 3\)"),
        (save("train/normal/1.npy", with_value((12, 16, 3), (0, 0, 1), 9)), r"unit length \(one is 9\)"),
        (save("train/depth/1.npy", np.zeros((24, 32, 1))),
         r"1.npy is 24x32, but .*image.0.npy is 12x16: two versions"),
        (save("train/image/1.npy", np.zeros((24, 32, 3))),
         r"1.npy is 24x32, but .*0.npy is 12x16.*keep the files of"),
    ],
)  # fmt: skip
def test_each_broken_file_has_one_error_that_names_it(nyuv2, spoil, message):
    dataset = MTANNYUv2("train", NYU, nyuv2)
    spoil(nyuv2)
    with pytest.raises(BadSample, match=message) as caught:
        dataset[1]
    assert "1.npy" in str(caught.value)


def test_mixed_versions_are_found_at_once(nyuv2, cityscapes, arrays):
    np.save(nyuv2 / "train/label/0.npy", np.zeros((24, 32)))
    with pytest.raises(BadSample, match=r"label.0.npy is 24x32, but .*image.0.npy is 12x16"):
        MTANNYUv2("train", NYU, nyuv2)
    shutil.copytree(cityscapes / "train/label_7", cityscapes / "train/label")
    assert len(MTANCityscapes("train", STREET, cityscapes)) == 3
    np.save(cityscapes / "train/label/0.npy", np.zeros((24, 32)))
    with pytest.raises(BadSample, match=r"label_7 holds labels of 12x16 and .*label of 24x32: two versions"):
        MTANCityscapes("train", STREET, cityscapes)


def test_labels_of_more_classes_than_asked_are_refused(cityscapes):
    shutil.rmtree(cityscapes / "train/label_7")
    (cityscapes / "train/label_19").rename(cityscapes / "train/label_7")
    with pytest.raises(BadSample, match=r"label_7.0.npy holds class 18, but classes are 0 to 6"):
        MTANCityscapes("train", STREET, cityscapes)[0]


def test_reading_never_unpickles(nyuv2, tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    for number in (0, 1):
        np.save(nyuv2 / f"val/depth/{number}.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(BadSample):
        MTANNYUv2("val", ("depth",), nyuv2)
    assert not (tmp_path / "exploded").exists()


def test_unknown_arguments_are_refused_with_what_there_is(nyuv2, cityscapes):
    with pytest.raises(
        MtlbenchError, match=r"mtan-nyuv2 has no task 'edge'.*Choose from: semseg, depth, normals"
    ):
        MTANNYUv2("val", ("edge",), nyuv2)
    with pytest.raises(MtlbenchError, match=r"no split 'test'.*Choose from: train, val"):
        MTANNYUv2("test", NYU, nyuv2)
    with pytest.raises(MtlbenchError, match=r"no number of classes 2\..*Choose from: 7, 19"):
        MTANCityscapes("val", STREET, cityscapes, classes=2)


@pytest.mark.parametrize("kind", [MTANNYUv2, MTANCityscapes])
def test_check_reports_on_both_splits(kind, request):
    root = request.getfixturevalue("nyuv2" if kind is MTANNYUv2 else "cityscapes")
    lines = list(kind.check(root))
    assert lines[0].startswith(f"{root} was not fetched by mtlbench")
    count = 2 + len(kind.kinds)
    assert lines[1].startswith(f"train: 3 images (published: {kind.published['train']}); 12x16; fingerprint ")
    assert f"fingerprint {kind('val', tuple(kind.kinds), root).fingerprint()}" in lines[1 + count]
    assert sum("void 8.33%" in line for line in lines) == 2 * len(kind.kinds)
    cut("train/depth/2.npy")(root)
    with pytest.raises(BadSample, match="1 problem"):
        list(kind.check(root))


@pytest.mark.parametrize(("layout", "kind"), [("mtan-nyuv2", MTANNYUv2), ("mtan-cityscapes", MTANCityscapes)])
def test_rooms_written_in_the_layout_are_read_back_as_rendered(layout, kind, tmp_path, monkeypatch):
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    rooms.write_layout(layout, tmp_path / "rooms", train=2, val=1, size=(48, 64))
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    rendered = rooms("train", ("semseg", "depth", "normals"), size=(48, 64), train_rooms=2, val_rooms=1)
    read = kind("train", tuple(kind.kinds), tmp_path / "rooms")
    for index in range(2):
        expected, sample = rendered[index]["labels"], read[index]
        np.testing.assert_array_equal(sample["image"], rendered[index]["image"])
        depth = expected["depth"] if kind is MTANNYUv2 else np.minimum(0.1 / expected["depth"], 0.5)
        np.testing.assert_allclose(sample["labels"]["depth"], depth, rtol=1e-6)
        pairs = set(zip(expected["semseg"].ravel(), sample["labels"]["semseg"].ravel(), strict=True))
        assert len(pairs) == len({ours for ours, _ in pairs}) > 2
        if kind is MTANNYUv2:
            np.testing.assert_allclose(sample["labels"]["normals"], expected["normals"], atol=1e-6)


@pytest.mark.parametrize("name", ["mtan_nyuv2", "mtan_cityscapes"])
def test_the_config_and_its_demo_fit_the_dataset(name, tmp_path):
    config = tmp_path / "config.py"
    config.write_text(
        f'_base_ = ["{CONFIGS}/_base_/datasets/{name}.py", "{CONFIGS}/_base_/backbones/vit_base.py", '
        f'"{CONFIGS}/_base_/schedules/mtlora.py"]\n'
        'name = "lora"\nadapter = dict(type="lora")\ndecoder = dict(type="hrnet")\n'
    )
    overrides = prepare(config, tmp_path / "demo")
    experiment = load_experiment(config, values=overrides)
    kind = Catalog.load().resolve("dataset", experiment.dataset.type)
    for task, component in experiment.tasks.items():
        assert component.options == kind.task_options[task]
    dataset = kind("train", tuple(experiment.tasks), **experiment.dataset.options)
    assert len(dataset) == 12 and dataset[0]["image"].shape[:2] == tuple(
        experiment.backbone.options["image_size"]
    )

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mtlbench.data.errors import BadSample, MissingData
from mtlbench.engine.config import load_experiment
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_pascal.dataset import PASCAL

TASKS = ("semseg", "human_parts", "saliency", "normals", "edge")
FOLDERS = {
    "semseg": ("semseg",),
    "human_parts": ("human_parts",),
    "saliency": ("sal_distill",),
    "normals": ("normals_distill", "pascal-context"),
    "edge": ("pascal-context",),
}
NAME = "2008_000007"


def snapshot(root: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}


def test_the_plugin_offers_the_dataset():
    assert Catalog.load().resolve("dataset", "pascal") is PASCAL


@pytest.mark.parametrize("task", TASKS)
def test_only_files_of_asked_tasks_are_opened(root, task):
    for folder in {folder for folders in FOLDERS.values() for folder in folders} - {*FOLDERS[task]}:
        shutil.rmtree(root / folder)
    assert set(PASCAL("val", (task,), root)[0]["labels"]) == {task}


def test_every_task_trains_on_the_same_photos(root):
    ids = {PASCAL("train", tasks, root).ids for tasks in (TASKS, (), *((task,) for task in TASKS))}
    assert ids == {("2008_000002", "2008_000003")}


def test_nothing_is_written_into_the_folder(root):
    before = snapshot(root)
    dataset = PASCAL("train", TASKS, root)
    dataset[0], dataset[1], dataset.fingerprint()
    list(PASCAL.check(root))
    assert snapshot(root) == before


def test_the_fingerprint_follows_lists_names_and_sizes(root):
    def fingerprint(split="train", tasks=TASKS):
        return PASCAL(split, tasks, root).fingerprint()

    first = fingerprint()
    assert first == fingerprint() == fingerprint(tasks=("edge",)) == fingerprint(tasks=TASKS[::-1])
    marks = [first, fingerprint("val")]
    shutil.copy(root / "semseg/pascal-context/2008_000003.png", root / "semseg/VOC12/2008_000003.png")
    marks.append(fingerprint())  # the same bytes, but now from the other annotation
    (root / "sal_distill/2008_000002.png").write_bytes(b"short")
    marks.append(fingerprint())
    (root / "ImageSets/Context/train.txt").write_text("2008_000003\n2008_000002\n")
    marks.append(fingerprint())
    assert len(set(marks)) == 5


def test_check_reports_all_parts_of_both_splits(root):
    lines = list(PASCAL.check(root))
    assert "was not fetched by mtlbench" in lines[0]
    assert lines[1].startswith("train: 2 images (published: 4998); 12x16; fingerprint ")
    assert [line.split(":")[0] for line in lines[2:8]] == [f"train {part}" for part in ("image", *TASKS)]
    assert f"fingerprint {PASCAL('val', (), root).fingerprint()}" in lines[8]
    assert "2 of uint8, 1 with nothing but class 0" in lines[4]  # a photo without people


def test_check_lists_every_broken_photo(root):
    for name in ("2008_000002", NAME):
        os.truncate(root / f"human_parts/{name}.mat", 150)
    lines = []
    with pytest.raises(BadSample, match="2 problem"):
        for line in PASCAL.check(root):
            lines.append(line)
    assert "2008_000002.mat cannot be read" in lines[-2] and f"{NAME}.mat cannot be read" in lines[-1]


def remove(path: str):
    return lambda root: (root / path).unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, r"no folder .*PASCAL_MT.*data get pascal.*--data-root PATH.*--demo"),
        (remove("ImageSets/Context/val.txt"), r"val.txt is missing.*'val'.*folder that holds ImageSets"),
        (lambda root: (root / "ImageSets/Context/val.txt").write_text(""), "names no image"),
        (lambda root: (root / "ImageSets/Context/val.txt").write_text("x\n"), r"JPEGImages lacks 1 .*x.jpg"),
        (remove(f"human_parts/{NAME}.mat"), r"human_parts lacks 1 of the 1 .*leave out the task human_parts"),
        (remove(f"pascal-context/trainval/{NAME}.mat"), r"trainval lacks 1 of .*leave out the task normals"),
        (
            lambda root: shutil.rmtree(root / "semseg"),
            r"semseg.pascal-context lacks 1 of .*leave out the task semseg",
        ),
    ],
)
def test_absent_files_are_found_at_once(root, spoil, message):
    spoil(root)
    with pytest.raises(MissingData, match=message):
        PASCAL("val", TASKS, root)


def cut(path: str):
    return lambda root: os.truncate(root / path, (root / path).stat().st_size * 2 // 3)


def picture(path: str, array):
    return lambda root: Image.fromarray(array).save(root / path)


def matrix(path: str, **variables):
    return lambda root: savemat(root / path, variables)


def zeros(*shape, dtype=np.uint8, value=0):
    return np.full(shape, value, dtype)


CONTEXT, PARTS = f"pascal-context/trainval/{NAME}.mat", f"human_parts/{NAME}.mat"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut(f"JPEGImages/{NAME}.jpg"), rf"{NAME}.jpg cannot be decoded .*replace it"),
        (cut(f"semseg/VOC12/{NAME}.png"), rf"VOC12.{NAME}.png cannot be decoded"),
        (cut(f"normals_distill/{NAME}.png"), r"png cannot be decoded"),
        (cut(CONTEXT), r"trainval.*mat cannot be read as a MATLAB file with 'LabelMap'.*replace it"),
        (cut(PARTS), r"human_parts.*mat cannot be read as a MATLAB file with 'anno'.*replace it"),
        (lambda root: (root / PARTS).write_bytes(b""), r"human_parts.*mat cannot be read as a MATLAB file"),
        (
            matrix(CONTEXT, Labels=zeros(12, 16)),
            r"cannot be read as a MATLAB file with 'LabelMap' \(KeyError",
        ),
        (matrix(CONTEXT, LabelMap=zeros(12, 16, dtype=float)), r"float64 \(12, 16\) instead of integer"),
        (matrix(CONTEXT, LabelMap=zeros(12, 16, dtype=np.uint16, value=460)), r"class 460, but .* 1 to 459"),
        (matrix(CONTEXT, LabelMap=zeros(6, 8, dtype=np.uint16)), r"\(12, 16\) beside .*mat of \(6, 8\)"),
        (matrix(PARTS, anno=zeros(3)), r"does not hold objects with parts as PASCAL-Part stores them"),
        (matrix(PARTS, anno={"imname": "x"}), r"does not hold objects with parts"),
        (matrix(PARTS, anno={"objects": {"class_ind": 15}}), r"does not hold objects with parts"),
        (picture(f"semseg/VOC12/{NAME}.png", zeros(12, 16, value=21)), "semseg of .* holds class 21 at 192"),
        (picture(f"semseg/VOC12/{NAME}.png", zeros(12, 16, 3)), r"uint8 \(12, 16, 3\) instead of uint8"),
        (picture(f"semseg/VOC12/{NAME}.png", zeros(6, 8)), r"semseg of .*\(6, 8\) beside an image"),
        (picture(f"sal_distill/{NAME}.png", zeros(6, 8)), r"saliency of .*\(6, 8\) beside an image"),
        (
            picture(f"sal_distill/{NAME}.png", zeros(12, 16, dtype=np.uint16)),
            r"sal_distill.* instead of uint8",
        ),
        (picture(f"normals_distill/{NAME}.png", zeros(6, 8, 3)), r"is \(6, 8\) beside .*\(12, 16\)"),
    ],
)
def test_each_broken_file_has_one_error_that_names_it(root, spoil, message):
    dataset = PASCAL("val", TASKS, root)
    spoil(root)
    with pytest.raises(BadSample, match=message) as caught:
        dataset[0]
    assert NAME in str(caught.value)


def test_regions_of_another_size_are_refused_for_edges_too(root):
    matrix(CONTEXT, LabelMap=zeros(6, 8, dtype=np.uint16))(root)
    with pytest.raises(BadSample, match=rf"edge of sample {NAME} .*{NAME}.mat.*\(6, 8\) beside"):
        PASCAL("val", ("edge",), root)[0]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"wing": np.ones((12, 16), bool)}, r"names the part 'wing', which no person has"),
        ({"head": np.ones((6, 8), bool)}, r"masks the part 'head' with \(6, 8\) beside .*\(12, 16\)"),
    ],
)
def test_parts_that_cannot_be_are_refused(root, parts, message):
    part = np.empty((1, 1), [("part_name", object), ("mask", object)])
    part[0, 0] = next(iter(parts.items()))
    person = {"class": "person", "class_ind": 15, "mask": np.ones((12, 16), np.uint8), "parts": part}
    savemat(root / PARTS, {"anno": {"imname": NAME, "objects": person}})
    with pytest.raises(BadSample, match=message):
        PASCAL("val", ("human_parts",), root)[0]


def test_a_matlab_file_cut_or_altered_anywhere_is_read_or_refused(root, tmp_path):
    whole = (root / "human_parts/2008_000002.mat").read_bytes()
    dataset = PASCAL("train", ("human_parts",), root)
    refused = 0
    for number in range(120):
        rng = np.random.default_rng(number)
        damaged = bytearray(whole[: rng.integers(len(whole))] if number % 2 else whole)
        if number % 2 == 0:
            damaged[rng.integers(124, len(damaged))] ^= int(rng.integers(1, 256))
        (root / "human_parts/2008_000002.mat").write_bytes(damaged)
        try:
            dataset[0]
        except BadSample:
            refused += 1
    assert refused > 60  # anything but BadSample fails the test


def test_a_file_that_vanishes_later_is_named(root):
    dataset = PASCAL("val", TASKS, root)
    (root / PARTS).unlink()
    with pytest.raises(BadSample, match=rf"{NAME}.mat is missing"):
        dataset[0]


def test_unknown_arguments_are_refused_with_what_there_is(root):
    with pytest.raises(MtlbenchError, match=r"no task 'depth'.*Choose from: semseg, human_parts"):
        PASCAL("val", ("depth",), root)
    with pytest.raises(MtlbenchError, match=r"no split 'test'.*Choose from: train, val"):
        PASCAL("test", TASKS, root)


def test_the_config_has_the_tasks_of_the_dataset(tmp_path):
    base = Path(__file__).parents[3] / "configs/_base_"
    config = tmp_path / "pascal.py"
    pieces = ["datasets/pascal.py", "backbones/vit_base.py", "schedules/mtlora.py", "decoders/hrnet_small.py"]
    config.write_text(
        f"_base_ = {[str(base / piece) for piece in pieces]!r}\nname = 'full'\nadapter = dict(type='full')\n"
    )
    experiment = load_experiment(config)
    assert experiment.tasks.keys() == set(TASKS) and experiment.demo["layout"] == "pascal"
    for task, component in experiment.tasks.items():
        assert component.options == PASCAL.task_options[task]

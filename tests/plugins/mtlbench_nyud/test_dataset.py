from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlbench.data.check import validate
from mtlbench.data.errors import BadSample, MissingData
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_nyud.dataset import NYUD

TASKS = ("semseg", "depth", "normals", "edge")
KINDS = {"semseg": "classes", "depth": "scalar", "normals": "vector", "edge": "classes"}


@pytest.mark.parametrize("release", ["mti", "invpt"])
def test_both_releases_are_detected_and_read(request, arrays, release):
    dataset = NYUD("train", TASKS, request.getfixturevalue(release))
    assert dataset.release.name.lower() == release and dataset.ids == ("0001", "0002")
    sample, stored = dataset[1], arrays(1)
    assert sample["id"] == "0002"
    validate(sample, KINDS, "nyud", {"semseg": 40, "edge": 2})
    assert np.abs(sample["image"].astype(int) - stored["images"]).max() <= (3 if release == "mti" else 0)
    labels = sample["labels"]
    assert (labels["semseg"][0] == 255).all()
    np.testing.assert_array_equal(labels["semseg"][1:] + 1, stored["segmentation"][1:])
    np.testing.assert_array_equal(labels["depth"], stored["depth"])
    np.testing.assert_array_equal(labels["edge"], stored["edge"])
    assert (labels["normals"][0] == 0).all()
    np.testing.assert_allclose(labels["normals"], stored["normals"], atol=1e-6 if release == "mti" else 0.01)


def test_only_files_of_asked_tasks_are_opened(mti):
    shutil.rmtree(mti / "normals")
    assert set(NYUD("val", ("depth",), mti)[0]["labels"]) == {"depth"}


def test_labels_with_a_last_axis_of_one_are_read(mti, arrays):
    np.save(mti / "depth/0001.npy", arrays(0)["depth"][..., None].astype(np.float64))
    np.testing.assert_array_equal(NYUD("train", ("depth",), mti)[0]["labels"]["depth"], arrays(0)["depth"])


def test_the_fingerprint_follows_lists_names_and_sizes(mti):
    def fingerprint(split="train", tasks=TASKS):
        return NYUD(split, tasks, mti).fingerprint()

    first = fingerprint()
    assert first == fingerprint() == fingerprint(tasks=TASKS[::-1])
    assert first == fingerprint(tasks=("depth",))  # a single-task reference has the same data
    assert first != fingerprint("val")
    np.save(mti / "depth/0002.npy", np.ones((12, 17), np.float32))
    resized = fingerprint()
    (mti / "gt_sets/train.txt").write_text("0002\n0001\n")
    assert len({first, resized, fingerprint()}) == 3


def test_a_missing_root_names_the_path_and_three_ways_on(tmp_path):
    with pytest.raises(MissingData) as caught:
        NYUD("train", TASKS, tmp_path / "nowhere")
    for part in (str(tmp_path / "nowhere"), "mtlbench data get nyud", "--data-root PATH", "--demo"):
        assert part in str(caught.value)


def test_a_missing_root_is_said_before_torch_is_imported(tmp_path):
    code = (
        "import sys; from mtlbench_nyud.dataset import NYUD\n"
        f"try: NYUD('val', ('depth',), {str(tmp_path / 'x')!r})\n"
        "except Exception as e: print(type(e).__name__, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == ["MissingData", "False"]


def remove(path: str):
    return lambda root: (root / path).unlink()


def write_list(text: str):
    return lambda root: (root / "gt_sets/val.txt").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("gt_sets/val.txt"), r"gt_sets.val.txt is missing.*'val'.*must be the folder"),
        (write_list(""), r"val.txt names no image; write one id"),
        (write_list("0003\n0777\n0778"), r"images lacks 2 of the 3 files.*the first is 0777.jpg; fetch"),
        (write_list("9999"), r"neither 9999.jpg \(MTI release\) nor 9999.png \(InvPT release\)"),
        (remove("depth/0003.npy"), r"depth lacks 1 of the 1 files.*0003.npy.*leave out the task depth"),
    ],
)
def test_absent_files_are_found_at_once(mti, spoil, message):
    spoil(mti)
    with pytest.raises(MissingData, match=message):
        NYUD("val", TASKS, mti)


def cut(path: str):
    return lambda root: os.truncate(root / path, (root / path).stat().st_size * 2 // 3)


def save(path: str, array, allow_pickle: bool = False):
    return lambda root: np.save(root / path, array, allow_pickle=allow_pickle)


def picture(path: str, array):
    return lambda root: Image.fromarray(array).save(root / path)


def with_value(shape, where, value):
    array = np.zeros(shape, np.float32)
    array[where] = value
    return array


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut("images/0003.jpg"), r"0003.jpg cannot be decoded .*replace it"),
        (cut("segmentation/0003.png"), r"0003.png cannot be decoded .*replace it"),
        (cut("depth/0003.npy"), r"depth.0003.npy cannot be read as an array.*replace it"),
        (lambda root: (root / "depth/0003.npy").write_bytes(b""), r"depth.0003.npy cannot be read"),
        (save("edge/0003.npy", np.array([{}]), True), r"edge.0003.npy cannot be read as an array"),
        (save("depth/0003.npy", np.zeros((12, 16), np.uint16)), r"uint16 \(12, 16\) instead of floating"),
        (save("depth/0003.npy", np.zeros(5, np.float32)), r"float32 \(5,\) instead of floating"),
        (save("depth/0003.npy", np.zeros((6, 8), np.float32)), r"depth of sample 0003 .*\(6, 8\) beside"),
        (save("depth/0003.npy", with_value((12, 16), (2, 3), np.nan)), "holds NaN or infinity at 1"),
        (save("normals/0003.npy", np.zeros((12, 16), np.float32)), r"instead of \(H, W, 3\)"),
        (save("normals/0003.npy", np.zeros((12, 16, 3), np.uint8)), r"uint8 instead of float vectors"),
        (save("normals/0003.npy", with_value((12, 16, 3), (0, 0, 1), 255)), r"unit length \(one is 255\)"),
        (picture("segmentation/0003.png", np.full((12, 16), 41, np.uint8)), r"semseg .* class 40 at 192"),
        (picture("segmentation/0003.png", np.zeros((12, 16, 3), np.uint8)), r"\(12, 16, 3\) instead of"),
    ],
)  # fmt: skip
def test_each_broken_file_has_one_error_that_names_it(mti, spoil, message):
    dataset = NYUD("val", TASKS, mti)
    spoil(mti)
    with pytest.raises(BadSample, match=message) as caught:
        dataset[0]
    assert "0003" in str(caught.value)


def test_a_file_that_vanishes_later_is_named(mti):
    dataset = NYUD("val", TASKS, mti)
    (mti / "images/0003.jpg").unlink()
    with pytest.raises(BadSample, match=r"0003.jpg is missing"):
        dataset[0]


def test_reading_never_unpickles(mti, tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    np.save(mti / "depth/0003.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(BadSample):
        NYUD("val", ("depth",), mti)[0]
    assert not (tmp_path / "exploded").exists()


def test_unknown_arguments_are_refused_with_what_there_is(mti):
    with pytest.raises(MtlbenchError, match=r"no task 'saliency'.*Choose from: semseg, depth, normals, edge"):
        NYUD("val", ("saliency",), mti)
    with pytest.raises(MtlbenchError, match=r"no split 'test'.*Choose from: train, val"):
        NYUD("test", TASKS, mti)


def test_check_reports_counts_sizes_fingerprints_and_labels(mti):
    lines = list(NYUD.check(mti))
    assert lines[0].startswith(
        f"the MTI release; {mti} was not fetched by mtlbench; no checksum is published"
    )
    assert lines[1].startswith("train: 2 images (published: 795); 12x16; fingerprint ")
    assert [line.split(":")[0] for line in lines[2:7]] == [f"train {part}" for part in ("image", *TASKS)]
    assert f"fingerprint {NYUD('val', TASKS, mti).fingerprint()}, contents " in lines[7]
    assert all("void 8.33%" in line for line in lines if line.split()[1] in ("depth:", "normals:", "semseg:"))


def test_check_lists_every_broken_sample(mti):
    cut("depth/0001.npy")(mti)
    cut("images/0003.jpg")(mti)
    lines = []
    with pytest.raises(BadSample, match="2 problem"):
        for line in NYUD.check(mti):
            lines.append(line)
    assert [name for name in ("0001.npy", "0003.jpg") if any(name in line for line in lines)] == [
        "0001.npy",
        "0003.jpg",
    ]


def test_rooms_written_in_the_layout_are_read_back_as_rendered(tmp_path, monkeypatch):
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    rooms.write_layout("nyud", tmp_path / "rooms", train=2, val=1, size=(48, 64))
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    rendered = rooms("train", TASKS, size=(48, 64), train_rooms=2, val_rooms=1)
    read = NYUD("train", TASKS, tmp_path / "rooms")
    for index in range(2):
        expected, labels = rendered[index]["labels"], read[index]["labels"]
        for task in ("depth", "edge"):
            np.testing.assert_array_equal(labels[task], expected[task])
        np.testing.assert_allclose(labels["normals"], expected["normals"], atol=1e-6)
        pairs = set(zip(expected["semseg"].ravel().tolist(), labels["semseg"].ravel().tolist(), strict=True))
        assert len(pairs) == len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs})

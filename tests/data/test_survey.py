from __future__ import annotations

import re

import numpy as np
import pytest

from mtlbench.contracts.dataset import Dataset
from mtlbench.data.errors import BadSample
from mtlbench.data.statistics import MEASURES
from mtlbench.data.survey import survey

KINDS = {"semseg": "classes", "depth": "scalar", "normals": "vector", "albedo": "image"}


class Photos(Dataset):
    """Random samples of random sizes, each with one file."""

    def __init__(self, folder, ids, broken=()):
        self.ids, self.folder, self.broken = tuple(ids), folder, broken
        for name in ids:
            (folder / name).write_bytes(name.encode())

    def __getitem__(self, index):
        name = self.ids[index]
        if name in self.broken:
            raise BadSample(f"{name} is broken; mend it.")
        rng = np.random.default_rng(list(name.encode()))
        size = tuple(rng.integers(3, 9, 2))
        depth = np.maximum(rng.normal(1, 1, size), 0).astype(np.float32)
        normals = rng.normal(size=(*size, 3)).astype(np.float32) * (depth > 0.5)[..., None]
        albedo = np.where(rng.random((*size, 1)) < 0.2, np.nan, rng.random((*size, 2))).astype(np.float32)
        labels = {
            "semseg": rng.choice([0, 1, 7, 255], size).astype(np.uint8),
            "depth": depth,
            "normals": normals,
            "albedo": albedo,
        }
        if name == "b":
            labels.pop("depth")
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        return {"id": name, "image": image, "labels": labels}

    def files(self, index):
        return {"image": self.folder / self.ids[index]}

    def fingerprint(self):
        return "f00d"


def report(splits, published=None):
    published = published or {split: len(dataset) for split, dataset in splits.items()}
    return list(survey(splits, published, KINDS, processes=1))


def test_statistics_of_many_labels_are_those_of_all_their_pixels(tmp_path):
    photos = Photos(tmp_path, "abcdefgh")
    samples = [photos[index] for index in range(8)]
    lines = {line.split(":")[0]: line for line in report({"train": photos})[1:]}

    classes = np.concatenate([sample["labels"]["semseg"].ravel() for sample in samples])
    for value in (0, 1, 7):
        assert f" {value} {(classes == value).mean():.2%}" in lines["train semseg"]
    assert f"8 of uint8; void {(classes == 255).mean():.2%};" in lines["train semseg"]

    depth = np.concatenate([s["labels"]["depth"].ravel() for s in samples if s["id"] != "b"]).astype(float)
    valid = depth[depth > 0]
    assert lines["train depth"] == (
        f"train depth: 7 of float32; void {(depth <= 0).mean():.2%}; "
        f"values {valid.min():.4g} to {valid.max():.4g}, mean {valid.mean():.4g}"
    )
    normals = np.concatenate([sample["labels"]["normals"].reshape(-1, 3) for sample in samples])
    means = normals[(normals != 0).any(1)].astype(float).mean(0)
    assert lines["train normals"].endswith("mean " + ", ".join(f"{mean:.4g}" for mean in means))
    albedo = np.concatenate([sample["labels"]["albedo"].reshape(-1, 2) for sample in samples])
    assert f"void {np.isnan(albedo[:, 0]).mean():.2%}" in lines["train albedo"]
    assert "8 of uint8; void 0.00%" in lines["train image"]


def test_labels_that_show_nothing_are_counted():
    nothing = np.array([[0, 255]], np.uint8)
    something = np.array([[0, 3]], np.uint8)
    total = MEASURES["classes"](nothing) + MEASURES["classes"](something)
    assert str(total) == "2 of uint8, 1 with nothing but class 0; void 25.00%; classes 0 50.00%, 3 25.00%"
    assert str(MEASURES["scalar"](np.zeros((2, 2), np.float32))) == "1 of float32; void 100.00%"


def test_the_first_line_tells_count_sizes_and_marks(tmp_path):
    photos = Photos(tmp_path, "abcdefgh")
    sizes = {photos[index]["image"].shape[:2] for index in range(8)}
    heights, widths = zip(*sizes, strict=True)
    first = report({"train": photos}, {"train": 9})[0]
    assert re.fullmatch(
        rf"train: 8 images \(published: 9\); {len(sizes)} sizes, {min(heights)} to {max(heights)} high, "
        rf"{min(widths)} to {max(widths)} wide; fingerprint f00d, contents [0-9a-f]{{16}}",
        first,
    )


def test_contents_change_where_sizes_do_not(tmp_path):
    def contents():
        return report({"train": photos})[0].rpartition(" ")[2]

    photos = Photos(tmp_path, "abc")
    before = contents()
    assert before == contents()
    (tmp_path / "b").write_bytes(b"B")
    assert before != contents()


def test_all_broken_samples_are_listed_before_the_error(tmp_path):
    lines = []
    with pytest.raises(BadSample, match=r"2 problem\(s\), listed above"):
        for line in survey(
            {"train": Photos(tmp_path, "abcd", broken="bd")}, {"train": 4}, KINDS, processes=1
        ):
            lines.append(line)
    assert lines[-2:] == ["b is broken; mend it.", "d is broken; mend it."]
    assert "2 of uint8" in lines[1]


def test_images_in_two_splits_are_a_problem(tmp_path):
    with pytest.raises(BadSample):
        report({"train": Photos(tmp_path, "abc"), "val": Photos(tmp_path, "cd")})


def test_two_processes_report_the_same(tmp_path):
    names = [chr(65 + number) for number in range(40)]
    splits = {"train": Photos(tmp_path, names, broken="C")}
    reports = []
    for processes in (1, 2):
        lines = []
        with pytest.raises(BadSample):
            for line in survey(splits, {"train": 40}, KINDS, processes=processes):
                lines.append(line)
        reports.append(lines)
    assert reports[0] == reports[1]

"""What the reader makes of the files of one photo, against expectations written by hand."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.io import savemat

from mtlbench.data.check import validate
from mtlbench_pascal.classes import PART_GROUPS, WITH_NORMALS
from mtlbench_pascal.dataset import PASCAL
from mtlbench_pascal.read import read_edge, read_normals

TASKS = ("semseg", "human_parts", "saliency", "normals", "edge")


def test_all_labels_of_all_photos_keep_the_contract(root):
    kinds = dict.fromkeys(TASKS, "classes") | {"normals": "vector"}
    for split, number in (("train", 2), ("val", 1)):
        dataset = PASCAL(split, TASKS, root)
        assert len(dataset) == number
        for index, name in enumerate(dataset.ids):
            sample = dataset[index]
            assert sample["id"] == name and tuple(sample["labels"]) == TASKS
            validate(sample, kinds, "pascal", {"semseg": 21, "human_parts": 7, "saliency": 2, "edge": 2})
            photo = np.array(Image.open(root / f"JPEGImages/{name}.jpg"))
            np.testing.assert_array_equal(sample["image"], photo)


def test_semseg_is_vocs_where_voc_has_it(root):
    first, second = (sample["labels"]["semseg"] for sample in PASCAL("train", ("semseg",), root))
    assert (first[0] == 255).all() and (first[1] == 0).all()
    assert (first[2:] == 5).all() and (second[2:] == 15).all()


def test_parts_are_grouped_and_later_people_cover_earlier_ones(root):
    expected = np.zeros((12, 16), np.uint8)
    expected[2:4, 2:6] = 1  # hair -> head
    expected[4:5, 2:6] = 2  # neck -> torso
    expected[5:7, 2:6] = 4  # hand -> lower arm
    expected[3:6, 5:9] = 6  # the other person's foot -> lower leg
    people, cars = (sample["labels"]["human_parts"] for sample in PASCAL("train", ("human_parts",), root))
    np.testing.assert_array_equal(people, expected)
    assert not cars.any() and cars.shape == (12, 16)
    assert not PASCAL("val", ("human_parts",), root)[0]["labels"]["human_parts"].any()  # no object at all


def test_the_groups_are_those_of_the_literature():
    assert len(PART_GROUPS) == 24
    counts = np.bincount(list(PART_GROUPS.values()))
    assert counts.tolist() == [0, 10, 2, 2, 4, 2, 4]
    for part, group in PART_GROUPS.items():  # left and right are one
        mirrored = {"l": "r", "r": "l"}[part[0]] + part[1:] if part[0] in "lr" else part
        assert PART_GROUPS[mirrored] == group


def test_saliency_is_above_a_half(root):
    label = PASCAL("val", ("saliency",), root)[0]["labels"]["saliency"]
    expected = [int(value / 255 > 0.5) for value in range(120, 136)]
    assert sum(expected) == 8 and (label == expected).all()


def test_normals_are_unit_vectors_on_some_classes_and_void_on_others(root):
    label = PASCAL("val", ("normals",), root)[0]["labels"]["normals"]
    stored = np.array(Image.open(root / "normals_distill/2008_000007.png")).astype(np.float64)
    for row in range(12):
        for column in range(16):
            vector = 2 * stored[row, column] / 255 - 1
            if row < 4 or (row, column) == (5, 5):  # sky; grey
                assert (label[row, column] == 0).all()
            else:
                unit = vector / np.linalg.norm(vector)
                np.testing.assert_allclose(label[row, column], unit, atol=1e-6)


def test_normals_are_defined_on_170_classes():
    assert len(WITH_NORMALS) == len(set(WITH_NORMALS)) == 170
    assert sorted(WITH_NORMALS) == list(WITH_NORMALS) and 1 <= WITH_NORMALS[0] <= WITH_NORMALS[-1] <= 459
    person, tvmonitor, wall, floor, table, cat = 284, 427, 440, 158, 397, 65
    assert {person, tvmonitor, wall, floor, table, cat} <= set(WITH_NORMALS)
    sky, grass, tree, water, road, building, unknown = 360, 187, 420, 445, 324, 44, 431
    assert not {sky, grass, tree, water, road, building, unknown} & set(WITH_NORMALS)


def test_each_class_decides_for_its_own_pixels(tmp_path):
    regions = np.arange(460, dtype=np.uint16).reshape(20, 23)
    savemat(tmp_path / "context.mat", {"LabelMap": regions})
    Image.fromarray(np.full((20, 23, 3), (128, 128, 255), np.uint8)).save(tmp_path / "normals.png")
    label = read_normals(tmp_path / "normals.png", tmp_path / "context.mat")
    assert sorted(regions[label.any(-1)]) == list(WITH_NORMALS)


def test_edges_are_lines_of_one_pixel_between_regions(root):
    label = PASCAL("val", ("edge",), root)[0]["labels"]["edge"]
    # three regions meet at one point: sky above row 4, wall and floor beside each other below
    assert label[6:, 6:10].sum(1).tolist() == [1] * 6
    assert (label[:, 1:7].sum(0) == 1).all() and (label[:, 9:15].sum(0) == 1).all()  # thinning shortens ends
    assert not label[:2].any() and not label[6:, :7].any() and not label[6:, 9:].any()


def test_edges_lie_where_the_laplacian_is_not_zero(tmp_path):
    rng = np.random.default_rng(0)
    regions = rng.integers(1, 5, (9, 11), dtype=np.uint16).repeat(3, 0).repeat(3, 1) * np.uint16(91)
    savemat(tmp_path / "context.mat", {"LabelMap": regions})
    mirrored = np.pad(regions.astype(int), 1, mode="reflect")
    laplacian = np.zeros(regions.shape, int)
    for row in range(27):
        for column in range(33):
            around = mirrored[row : row + 3, column : column + 3]
            laplacian[row, column] = (
                around[0, 1] + around[2, 1] + around[1, 0] + around[1, 2] - 4 * around[1, 1]
            )
    candidates = laplacian != 0
    label = read_edge(tmp_path / "context.mat").astype(bool)
    assert (candidates | ~label).all()  # thinning adds nothing
    assert 0.2 < label.sum() / candidates.sum() < 0.7
    near = np.pad(label, 2)
    reach = np.any([near[i : i + 27, j : j + 33] for i in range(5) for j in range(5)], axis=0)
    assert reach[candidates].mean() > 0.99  # and moves no boundary away

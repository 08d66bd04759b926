from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from mtlbench.data.check import validate
from mtlbench.data.errors import BadSample, DownloadError, LicenceNotAccepted, MissingData
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_taskonomy.buildings import TINY
from mtlbench_taskonomy.dataset import Taskonomy
from mtlbench_taskonomy.domains import DOMAINS

TASKS = tuple(DOMAINS)
KINDS = {task: domain.kind for task, domain in DOMAINS.items()}
FIVE = ("semseg", "depth", "normals", "keypoints2d", "edge_texture")
HEATMAPS = {"edge_texture": 16384, "edge_occlusion": 4000, "keypoints2d": 2000, "keypoints3d": 64131}


def test_every_layout_is_detected_and_read_alike(write, layout, arrays, tmp_path):
    root = write(tmp_path / "copy", layout)
    dataset = Taskonomy("train", TASKS, root)
    assert dataset.layout.name == layout
    assert dataset.ids == (
        "hanson/point_2_view_0", "hanson/point_10_view_1", "hanson/point_10_view_11", "merom/point_0_view_3"
    )  # fmt: skip
    for index in range(4):
        stored, sample = arrays(index), dataset[index]
        np.testing.assert_array_equal(sample["image"], stored["rgb"])
        np.testing.assert_array_equal(
            sample["labels"]["semseg"].astype(int), (stored["segment_semantic"] - 1.0) % 256
        )


def test_labels_hold_what_the_release_means(root, arrays):
    labels, stored = Taskonomy("val", TASKS, root)[0]["labels"], arrays(4)
    validate({"id": "x", "image": stored["rgb"], "labels": labels}, KINDS, "taskonomy", {"semseg": 17})
    seen = slice(1, None)  # below the hole in the mesh
    for task, folder in (("depth", "depth_zbuffer"), ("depth_euclidean", "depth_euclidean")):
        np.testing.assert_array_equal(labels[task][seen] * 512, stored[folder][seen])
        assert not labels[task][0].any()
    x, y, z = np.moveaxis(stored["normal"][seen] / 127.5 - 1, -1, 0)
    np.testing.assert_allclose(labels["normals"][seen], np.stack([x, -y, -z], axis=-1), atol=0.01)
    assert not labels["normals"][0].any()
    for task, brightest in HEATMAPS.items():
        part = slice(None) if task in ("edge_texture", "keypoints2d") else seen
        expected = [[min(int(v) / brightest, 1.0) for v in row] for row in stored[task][part]]
        np.testing.assert_allclose(labels[task][part][..., 0], expected, rtol=1e-6)
    np.testing.assert_allclose(labels["reshading"][seen] * 255, stored["reshading"][seen][..., :1], rtol=1e-6)
    np.testing.assert_allclose(
        labels["principal_curvature"][seen] * 255, stored["principal_curvature"][seen][..., :2], rtol=1e-6
    )
    for task in ("edge_occlusion", "keypoints3d", "reshading", "principal_curvature"):
        assert np.isnan(labels[task][0]).all() and not np.isnan(labels[task][seen]).any()


def test_without_the_mask_what_was_rendered_in_holes_is_kept(root, arrays):
    labels = Taskonomy("val", TASKS, root, mask=False)[0]["labels"]
    np.testing.assert_allclose(labels["reshading"] * 255, arrays(4)["reshading"][..., :1], rtol=1e-6)
    assert not labels["depth"][0].any() and not labels["normals"][0].any()
    assert np.isnan(labels["principal_curvature"][0]).all()


def test_far_surfaces_are_void_in_labels_from_the_mesh_only(root, arrays):
    far = arrays(4)["depth_zbuffer"] >= 5 * 512
    labels = Taskonomy("val", TASKS, root, max_depth=5.0)[0]["labels"]
    for task in TASKS:
        label = labels[task]
        void = {"classes": lambda v: v == 255, "scalar": lambda v: v == 0, "vector": lambda v: ~v.any(-1),
                "image": lambda v: np.isnan(v).all(-1)}[KINDS[task]](label)  # fmt: skip
        if DOMAINS[task].from_mesh:
            np.testing.assert_array_equal(void, far)
        else:
            assert not void[far].all()


def test_a_mask_is_only_opened_for_labels_from_the_mesh(root):
    shutil.rmtree(root / "depth_zbuffer")
    assert set(Taskonomy("val", ("semseg", "keypoints2d"), root)[0]["labels"]) == {"semseg", "keypoints2d"}
    assert set(Taskonomy("val", ("normals",), root, mask=False)[0]["labels"]) == {"normals"}
    with pytest.raises(MissingData, match=r"depth_zbuffer.*is missing, one of 1 absent.*do without mask"):
        Taskonomy("val", ("normals",), root)


def test_resized_pictures_whose_normals_are_no_longer_of_unit_length_are_normalised(root):
    path = root / "normal/taskonomy/darden/point_7_view_7_domain_normal.png"
    Image.fromarray(np.full((12, 12, 3), (128 + 76, 128, 128), np.uint8)).save(path)  # length 0.6
    normals = Taskonomy("val", ("normals",), root)[0]["labels"]["normals"]
    np.testing.assert_allclose(normals[1:, :, 0], 1, atol=1e-3)


def test_the_list_of_the_copy_decides_and_tiny_is_known_without_one(root):
    assert {split: len(names) for split, names in TINY.items()} == {"train": 25, "val": 5, "test": 5}
    assert len(set(chain(*TINY.values()))) == 35
    assert Taskonomy("val", FIVE, root, heldout="test").ids == ("ihlen/point_1_view_1",)
    (root / "splits_taskonomy").mkdir()
    (root / "train_val_test_tiny.csv").rename(root / "splits_taskonomy/train_val_test_full.csv")
    assert len(Taskonomy("train", FIVE, root, subset="full")) == 4
    with pytest.raises(
        MissingData, match=r"lacks the photos of 23 of the split's 25 buildings, the first is klick"
    ):
        Taskonomy("train", FIVE, root)
    absent = [name for name in TINY["train"] if name not in ("hanson", "merom")]
    assert len(Taskonomy("train", FIVE, root, without=absent)) == 4


def test_the_fingerprint_follows_photos_options_and_sizes_but_not_tasks_or_the_layout(root, write, tmp_path):
    def fingerprint(place=root, split="train", tasks=TASKS, **options):
        return Taskonomy(split, tasks, place, **options).fingerprint()

    first = fingerprint()
    assert first == fingerprint() == fingerprint(tasks=("semseg",))
    assert first == fingerprint(write(tmp_path / "other", "vtm"))
    others = [
        fingerprint(split="val"),
        fingerprint(mask=False),
        fingerprint(max_depth=9),
        fingerprint(without=["merom"]),
    ]
    Image.new("I;16", (5, 5)).save(
        root / "keypoints3d/taskonomy/hanson/point_2_view_0_domain_keypoints3d.png"
    )
    assert len({first, fingerprint(), *others}) == 6


def test_a_missing_root_names_the_path_and_three_ways_on(tmp_path):
    with pytest.raises(MissingData) as caught:
        Taskonomy("train", FIVE, tmp_path / "nowhere")
    for part in (str(tmp_path / "nowhere"), "mtlbench data get taskonomy", "--data-root PATH", "--demo"):
        assert part in str(caught.value)


def test_a_missing_root_is_said_before_torch_is_imported(tmp_path):
    code = (
        "import sys; from mtlbench_taskonomy.dataset import Taskonomy\n"
        f"try: Taskonomy('val', ('depth',), {str(tmp_path / 'x')!r})\n"
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
    return lambda root: (root / "train_val_test_tiny.csv").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (write_list("id,train,val,test\nhanson,1,0,0\n"), r"No building of .*'tiny' is left for .*'val'"),
        (write_list("id,train,val,test\ndarden,0,1,0\nelsewhere,0,1,0\n"),
         r"lacks the photos of 1 of the split's 2 .* the first is elsewhere; .*without=\('elsewhere',\)"),
        (write_list("id,train,val,test\nnowhere,0,1,0\n"),
         r"holds no photo .* such as rgb/taskonomy/nowhere/point_0_view_0_domain_rgb.png or rgb/nowhere"),
        (remove("normal/taskonomy/darden/point_7_view_7_domain_normal.png"),
         r"normal.png is missing, one of 1 absent files of the domain normal beside 1 photos; fetch its "
         r"archives again, or do without normals"),
    ],
)  # fmt: skip
def test_absent_files_are_found_at_once(root, spoil, message):
    spoil(root)
    with pytest.raises(MissingData, match=message):
        Taskonomy("val", FIVE, root)


@pytest.mark.parametrize("line", ["darden", "darden,1,1,0", "darden,0,0,0", "darden,0,yes,0"])
def test_a_broken_list_is_named(root, line):
    write_list(f"id,train,val,test\n{line}\n")(root)
    with pytest.raises(
        BadSample, match=rf"tiny.csv holds the line '{line}' instead of .*hanson,1,0,0; unpack http"
    ):
        Taskonomy("val", FIVE, root)


def test_a_subset_without_its_list_says_where_it_is(root):
    with pytest.raises(
        MissingData, match=r"train_val_test_medium.csv is missing.*unpack https.*splits_taskonomy.zip"
    ):
        Taskonomy("val", FIVE, root, subset="medium")


def cut(path):
    os.truncate(path, path.stat().st_size * 2 // 3)


def picture(array):
    return lambda path: Image.fromarray(array).save(path)


@pytest.mark.parametrize(
    ("domain", "spoil", "message"),
    [
        ("rgb", cut, r"cannot be decoded .*fetch this building's archive"),
        ("depth_zbuffer", cut, r"cannot be decoded .*fetch this building's archive"),
        ("segmentsemantic", lambda path: path.unlink(), r"is missing; fetch this building's archive"),
        ("segmentsemantic", picture(np.full((12, 12), 18, np.uint8)), r"semseg .* class 17 at 144 .*0 to 16"),
        ("segmentsemantic", picture(np.zeros((12, 12, 3), np.uint8)), r"\(12, 12, 3\) inst"),
        ("depth_zbuffer", picture(np.zeros((12, 12), np.uint8)), r"holds uint8, but the release has 16 bits"),
        ("keypoints2d", picture(np.zeros((12, 12), np.uint8)), r"holds uint8, but the release has 16 bits"),
        ("edge_texture", picture(np.zeros((6, 6), np.uint16)), r"edge_texture .*darden.*\(6, 6, 1\) beside"),
        ("normal", picture(np.zeros((6, 6, 3), np.uint8)), r"normals of sample darden.*\(6, 6, 3\) beside"),
    ],
)  # fmt: skip
def test_each_broken_file_has_one_error_that_names_it(root, domain, spoil, message):
    dataset = Taskonomy("val", FIVE, root)
    path = next(root.glob(f"*/taskonomy/darden/point_7_view_7_domain_{domain}.png"))
    spoil(path)
    with pytest.raises(BadSample, match=message) as caught:
        dataset[0]
    assert str(path) in str(caught.value)


def test_unknown_arguments_are_refused_with_what_there_is(root):
    for arguments, message in (
        ({"tasks": ("saliency",)}, r"no task 'saliency'.*Choose from: semseg, depth"),
        ({"split": "test"}, r"no split 'test'.*Choose from: train, val"),
        ({"subset": "full+"}, r"no subset 'full\+'.*Did you mean \"full\".*tiny, medium, full, fullplus"),
        ({"heldout": "train"}, r"no heldout 'train'.*Choose from: val, test"),
        ({"without": ("hansen",)}, r"no building 'hansen'. Did you mean \"hanson\""),
    ):
        with pytest.raises(MtlbenchError, match=message):
            Taskonomy(**{"split": "val", "tasks": FIVE, "root": root, **arguments})


def test_the_way_to_the_files_is_explained_after_the_terms(tmp_path):
    with pytest.raises(
        LicenceNotAccepted, match=r"non-commercial(.|\n)*no redistribution(.|\n)*--accept-licence"
    ):
        Taskonomy.download(tmp_path, False)
    with pytest.raises(
        DownloadError, match=r"omnitools.download rgb(.|\n)*--subset tiny --dest(.|\n)*woodbine"
    ):
        Taskonomy.download(tmp_path, True)


def test_check_reports_buildings_splits_and_broken_files(root):
    shutil.rmtree(root / "keypoints3d")
    shutil.rmtree(root / "rgb/taskonomy/ihlen")
    lines = list(Taskonomy.check(root))
    assert lines[0] == "omnidata layout, 3 of the 4 buildings of tiny; absent: ihlen"
    train = Taskonomy("train", ("semseg",), root)
    assert lines[1].startswith(f"train: 4 images; 12x12; fingerprint {train.fingerprint()}, contents ")
    starts = {line.partition(":")[0] for line in lines[1:]}
    tasks = ("image", *(task for task in TASKS if task != "keypoints3d"))
    assert starts == {
        name for split in ("train", "val") for name in (split, *(f"{split} {t}" for t in tasks))
    }
    assert "void 8.33%" in next(line for line in lines if line.startswith("train depth:"))
    cut(root / "rgb/taskonomy/hanson/point_2_view_0_domain_rgb.png")
    lines = []
    with pytest.raises(BadSample, match="1 problem"):
        for line in Taskonomy.check(root):
            lines.append(line)
    assert "point_2_view_0_domain_rgb.png cannot be decoded" in lines[-1]


def test_the_tasks_of_the_catalog_fit_the_labels(root):
    catalog, labels = Catalog.load(), Taskonomy("val", TASKS, root)[0]["labels"]
    for task, options in Taskonomy.task_options.items():
        build = catalog.resolve("task", options.get("type", task))
        built = build(**{key: value for key, value in options.items() if key != "type"})
        assert built.label_kind == KINDS[task]
        if built.label_kind == "image":
            assert labels[task].shape[2] == built.channels
        drawn = built.draw(np.moveaxis(labels[task], -1, 0) if labels[task].ndim == 3 else labels[task])
        assert drawn.shape == (12, 12, 3) and drawn.any()


def test_rooms_written_in_the_layout_are_read_back_as_rendered(tmp_path, monkeypatch):
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    rooms.write_layout("taskonomy", tmp_path / "rooms", train=2, val=1, size=(48, 48))
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    rendered = rooms("train", ("semseg", "depth", "normals", "shading"), (48, 48), train_rooms=2, val_rooms=1)
    tasks = tuple(task for task in TASKS if task not in ("keypoints3d", "principal_curvature"))
    read = Taskonomy("train", tasks, tmp_path / "rooms")
    assert len(Taskonomy("val", tasks, tmp_path / "rooms")) == 1
    for index in range(2):
        expected, labels = rendered[index]["labels"], read[index]["labels"]
        np.testing.assert_array_equal(read[index]["image"], rendered[index]["image"])
        np.testing.assert_allclose(labels["depth"], expected["depth"], atol=1 / 1024 + 1e-6)
        np.testing.assert_allclose(labels["normals"], expected["normals"], atol=0.01)
        np.testing.assert_allclose(labels["reshading"], expected["shading"], atol=0.5 / 255 + 1e-6)
        assert (labels["depth_euclidean"] >= labels["depth"]).all()
        pairs = set(zip(expected["semseg"].ravel().tolist(), labels["semseg"].ravel().tolist(), strict=True))
        assert len(pairs) == len({ours for ours, _ in pairs}) and labels["semseg"].max() <= 16
        for task in ("edge_texture", "edge_occlusion", "keypoints2d"):
            assert labels[task].std() > 0.02 and labels[task].min() < 0.05

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mtlbench.data.errors import BadSample, MissingData
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_celeba.dataset import CelebA
from mtlbench_celeba.lists import TASKS

SOME = ("5_o_clock_shadow", "young", "no_beard")


@pytest.mark.parametrize(
    "places",
    [
        {},
        {"images": "celeba/", "lists": "celeba", "splits": "celeba"},
        {"images": "Img/", "lists": "Anno", "splits": "Eval"},
        {"images": "img_align_celeba/", "commas": True},
    ],
)
def test_images_and_attributes_are_read_wherever_they_usually_lie(write, attributes, tmp_path, places):
    root = write(tmp_path / "copy", **places)
    names = {name.lower(): values for name, values in attributes.items()}
    assert tuple(names) == TASKS and len(TASKS) == 40
    seen = []
    for split, heldout in (("train", "val"), ("val", "val"), ("val", "test")):
        dataset = CelebA(split, TASKS, root, heldout)
        for index in range(len(dataset)):
            number, sample = len(seen), dataset[index]
            seen.append(sample["id"])
            assert (
                sample["image"].shape == (218, 178, 3) and abs(int(sample["image"].mean()) - 40 * number) < 3
            )
            for task, label in sample["labels"].items():
                assert label.dtype == np.uint8 and label.shape == (218, 178)
                assert (label == int(names[task][number])).all()
    assert seen == [f"{number:06d}" for number in range(1, 7)]


def test_only_asked_attributes_are_labels(root):
    assert set(CelebA("train", SOME, root)[0]["labels"]) == set(SOME)


def test_the_fingerprint_follows_split_lists_and_images_but_not_tasks(root):
    def fingerprint(split="train", tasks=SOME, heldout="val"):
        return CelebA(split, tasks, root, heldout).fingerprint()

    first = fingerprint()
    assert first == fingerprint() == fingerprint(tasks=("male",)) == fingerprint(heldout="test")
    seen = {first, fingerprint("val"), fingerprint("val", heldout="test")}
    Image.new("RGB", (20, 20)).save(root / "img_align_celeba/000002.jpg")
    seen.add(fingerprint())
    path = root / "list_attr_celeba.txt"
    head, count, first_image, *rest = path.read_text().splitlines()
    flipped = first_image[:-2] + {"-1": " 1", " 1": "-1"}[first_image[-2:]]
    path.write_text("\n".join([head, count, flipped, *rest]))
    assert len({*seen, fingerprint()}) == 5


def test_a_missing_root_names_the_path_and_three_ways_on(tmp_path):
    with pytest.raises(MissingData) as caught:
        CelebA("train", SOME, tmp_path / "nowhere")
    for part in (str(tmp_path / "nowhere"), "mtlbench data get celeba", "--data-root PATH", "--demo"):
        assert part in str(caught.value)


def test_a_missing_root_is_said_before_torch_is_imported(tmp_path):
    code = (
        "import sys; from mtlbench_celeba.dataset import CelebA\n"
        f"try: CelebA('val', ('male',), {str(tmp_path / 'x')!r})\n"
        "except Exception as e: print(type(e).__name__, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == ["MissingData", "False"]


def remove(path):
    return lambda root: (root / path).unlink()


def rewrite(name, old, new):
    def spoil(root):
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("list_attr_celeba.txt"), r"lacks list_attr_celeba.txt; it must be the folder.*data get"),
        (remove("list_eval_partition.txt"), r"lacks list_eval_partition.txt"),
        (lambda root: shutil.rmtree(root / "img_align_celeba"), r"lacks the folder img_align_celeba"),
        (remove("img_align_celeba/000004.jpg"),
         r"celeba lacks 1 of the 1 images that the split names, .* 000004.jpg; fetch it again"),
        (rewrite("list_attr_celeba.txt", "000004", "999999"),
         r"list_attr_celeba.txt lacks 1 of the 1 .* 000004.jpg; both lists must be of one version"),
        (rewrite("list_eval_partition.txt", "4.jpg 1", "4.jpg 0"), r"names no image of the split 'val'"),
    ],
)  # fmt: skip
def test_absent_files_are_found_at_once(root, spoil, message):
    spoil(root)
    with pytest.raises(MissingData, match=message):
        CelebA("val", SOME, root)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (rewrite("list_attr_celeba.txt", "Bald ", ""), r"attr_celeba.txt lacks the line with the names of"),
        (rewrite("list_attr_celeba.txt", "000004.jpg", "000004.jpg 1"),
         r"holds '000004.jpg 1 .*' in line 6 instead of a file name with 40 times -1 or 1; fetch it again"),
        (rewrite("list_attr_celeba.txt", "-1", " 0"), r"in line 3 instead of a file name with 40 times"),
        (rewrite("list_eval_partition.txt", "000004.jpg 1", "000004.jpg 3"),
         r"holds '000004.jpg 3' in line 4 instead of a file name with 0, 1 or 2; fetch it again"),
        (rewrite("list_eval_partition.txt", "000004.jpg 1", "000004.jpg"), r"holds '000004.jpg' in line 4"),
    ],
)  # fmt: skip
def test_broken_lists_are_named_with_the_line(root, spoil, message):
    spoil(root)
    with pytest.raises(BadSample, match=message):
        CelebA("val", SOME, root)


def test_a_broken_image_is_named(root):
    path = root / "img_align_celeba/000004.jpg"
    dataset = CelebA("val", SOME, root)
    os.truncate(path, path.stat().st_size * 2 // 3)
    with pytest.raises(BadSample, match=r"000004.jpg cannot be decoded .*fetch it again"):
        dataset[0]
    path.unlink()
    with pytest.raises(BadSample, match=r"000004.jpg is missing"):
        dataset[0]


def test_unknown_arguments_are_refused_with_what_there_is(root):
    for arguments, message in (
        ({"tasks": ("Male",)}, r"no task 'Male'. Did you mean \"male\""),
        ({"split": "test"}, r"no split 'test'.*Choose from: train, val"),
        ({"heldout": "train"}, r"no heldout 'train'.*Choose from: val, test"),
    ):
        with pytest.raises(MtlbenchError, match=message):
            CelebA(**{"split": "val", "tasks": SOME, "root": root, **arguments})


def test_check_counts_splits_and_shares(root, attributes):
    lines = list(CelebA.check(root))
    for split, count in (("train", "3 images (published: 162770)"), ("val", "1 image"), ("test", "2 images")):
        assert any(line.startswith(f"{split}: {count}") for line in lines)
    share = 100 * attributes["Male"][:3].mean()
    (male,) = (line for line in lines if line.startswith("train male:"))
    assert f"1 {share:.2f}%" in male or share in (0, 100)


def test_rooms_written_in_the_layout_have_what_their_attributes_say(tmp_path, monkeypatch):
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    rooms.write_layout("celeba", tmp_path / "rooms", train=3, val=2, size=(54, 44))
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    for split, count in (("train", 3), ("val", 2)):
        rendered = rooms(split, ("semseg",), size=(54, 44), train_rooms=3, val_rooms=2)
        read = CelebA(split, TASKS, tmp_path / "rooms")
        assert len(read) == count
        for index in range(count):
            semseg, labels = rendered[index]["labels"]["semseg"], read[index]["labels"]
            error = read[index]["image"].astype(float) - rendered[index]["image"]
            assert np.abs(error).mean() < 10  # JPEG
            seen = [
                set(part.ravel().tolist()) for part in (semseg, semseg[:, :22], semseg[:, 22:], semseg[27:])
            ]
            for number, task in enumerate(TASKS):
                assert labels[task][0, 0] == int(3 + number % 11 in seen[number // 11])

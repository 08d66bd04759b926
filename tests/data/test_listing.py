from __future__ import annotations

from pathlib import Path

import pytest

from mtlbench.data.errors import MissingData
from mtlbench.data.listing import fingerprint, read_ids, require_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/val.txt").write_text("a\nb\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(b"1")
    return tmp_path


def test_ids_are_those_of_the_list(root):
    assert read_ids("demo", root, "lists/val.txt") == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "val.txt names no image; write one id"),
        ("a b a b c", r"2 image\(s\) more than once.*is a; remove"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(root, text, message):
    (root / "lists/val.txt").write_text(text)
    with pytest.raises(MissingData, match=message):
        read_ids("demo", root, "lists/val.txt")


def test_absent_lists_and_folders_name_the_way_on(root):
    with pytest.raises(MissingData, match="test.txt is missing.*'test'.*must be the folder that holds lists"):
        read_ids("demo", root, "lists/test.txt")
    with pytest.raises(MissingData, match="no folder .*nowhere.*data get demo.*--data-root PATH.*--demo"):
        read_ids("demo", root / "nowhere", "lists/val.txt")


def test_the_first_absent_file_is_named(root):
    require_files("demo", "image", [root / "photos/a.jpg"])
    files = [root / "photos/a.jpg", root / "photos/b.jpg", root / "other/c.jpg"]
    with pytest.raises(MissingData, match=r"photos lacks 2 of the 3 files.*first is b.jpg.*get demo`.$"):
        require_files("demo", "image", files)
    with pytest.raises(MissingData, match="or leave out the task depth"):
        require_files("demo", "depth", files)


def test_the_fingerprint_follows_release_names_order_and_sizes(root):
    a, b = root / "photos/a.jpg", root / "photos/b.jpg"
    marks = [fingerprint("r", root, [a, b]), fingerprint("s", root, [a, b]), fingerprint("r", root, [b, a])]
    b.write_bytes(b"12")
    marks.append(fingerprint("r", root, [a, b]))
    b.write_bytes(b"123")
    marks.append(fingerprint("r", root, [a, b]))
    assert len(set(marks)) == 5 and all(len(mark) == 16 for mark in marks)
    assert fingerprint("r", root, iter([a, b])) == marks[-1]

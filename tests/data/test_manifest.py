from __future__ import annotations

import hashlib
import json

import pytest

from mtlbench.data.errors import BadManifest
from mtlbench.data.manifest import Manifest, counts_table, load_manifest

LABELS = {"b": ("edge", "depth"), "a": ("semseg",), "ü": ()}
TASKS = ("semseg", "depth", "edge")


@pytest.fixture
def manifest():
    return Manifest.of(LABELS, TASKS, {"type": "half-label", "draw": 3}, 3)


def test_the_hash_is_that_of_the_labels_alone(manifest):
    text = '{"a":["semseg"],"b":["depth","edge"],"\\u00fc":[]}'
    assert manifest.hash == hashlib.sha256(text.encode()).hexdigest()
    assert Manifest.of(dict(reversed(LABELS.items())), TASKS[::-1], {"type": "x"}).hash == manifest.hash
    assert Manifest.of({**LABELS, "a": ("depth",)}, TASKS, {}).hash != manifest.hash


def test_what_is_saved_is_loaded_again_and_is_the_same_text(manifest, tmp_path):
    path = tmp_path / "new/labels.json"
    manifest.save(path)
    loaded = load_manifest(path)
    assert loaded == manifest and loaded.text() == manifest.text() == path.read_text(encoding="utf-8")
    content = json.loads(path.read_bytes())
    assert content["labels"]["b"] == ["depth", "edge"] and content["seed"] == 3
    assert content["hash"] == manifest.hash and content["tasks"] == sorted(TASKS)


def test_counts(manifest):
    assert manifest.per_task() == {"depth": 1, "edge": 1, "semseg": 1}
    assert manifest.per_image() == {0: 1, 1: 1, 2: 1}
    lines = [line.split() for line in counts_table(manifest).splitlines()]
    assert ["depth", "1", "33.3%"] in lines and ["2", "1", "33.3%"] in lines
    assert ["hash", manifest.hash] in lines and ["seed", "3"] in lines


def test_it_hides_something_or_nothing(manifest):
    assert manifest.hides
    assert not Manifest.of({"a": TASKS, "b": TASKS}, TASKS, {}).hides
    assert not Manifest.of({"a": TASKS}, TASKS[:1], {}).hides


@pytest.mark.parametrize(
    "change, message",
    [
        ({"schema_version": 2}, "no manifest of labels of version 1"),
        ({"labels": {"a": ["depth"]}}, "was changed after it was written"),
        ({"tasks": ["depth"]}, "was changed after it was written"),
        ({"labels": {}}, "names no image"),
        ({"labels": {"a": "depth"}}, "labels of 'a' as a list of printable names"),
        ({"labels": {"a": ["depth", "depth"]}}, "twice in the labels of 'a'"),
        ({"tasks": [1]}, "give the tasks as a list of printable names"),
        ({"schema_version": True}, "no manifest of labels of version 1"),
        ({"schema_version": "1"}, "no manifest of labels of version 1"),
        ({"schema_version": 1.0}, "no manifest of labels of version 1"),
        ({"tasks": ["\x1b[2J"]}, "give the tasks as a list of printable names"),
        ({"protocol": {"type": float("nan")}}, "holds NaN"),
        ({"seed": "3"}, "'seed' that is no whole number"),
        ({"protocol": "half"}, "'protocol' that is no object"),
    ],
)
def test_a_changed_manifest_is_refused(manifest, tmp_path, change, message):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({**json.loads(manifest.text()), **change}))
    with pytest.raises(BadManifest, match=message):
        load_manifest(path)


@pytest.mark.parametrize("text", ["", "[", '{"a": 1, "a": 2}', "[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(BadManifest, match="is not JSON as a manifest is"):
        load_manifest(path)
    with pytest.raises(BadManifest, match="cannot be read"):
        load_manifest(tmp_path / "absent.json")

from __future__ import annotations

import pytest

from mtlbench.data.errors import BadManifest
from mtlbench.data.manifest import Manifest
from mtlbench_labels.listed import Listed
from mtlbench_labels.per_image import OneLabel

TASKS = ("semseg", "depth")
IDS = ("a", "b", "c")


@pytest.fixture
def saved(tmp_path):
    """Return a manifest and the file that holds it."""
    manifest = Manifest.of(OneLabel(TASKS).visible(IDS, TASKS, 0), TASKS, {"type": "one-label"}, 0)
    manifest.save(tmp_path / "one.json")
    return manifest, tmp_path / "one.json"


def test_it_shows_what_the_file_says_for_every_seed(saved):
    manifest, file = saved
    listed = Listed(file, manifest.hash)
    for seed in range(3):
        assert listed.visible(IDS, ("depth",), seed) == manifest.labels
        assert listed.drawn_from(seed) == 0


def test_another_hash_is_refused(saved):
    manifest, file = saved
    with pytest.raises(BadManifest, match=f"has? ?.*{manifest.hash}, and label_protocol.hash is 'abc'"):
        Listed(file, "abc")


@pytest.mark.parametrize(
    "ids, tasks, message",
    [
        (IDS, ("depth", "edge"), "says nothing about 'edge', only about depth, semseg"),
        (IDS[:2], TASKS, "3 other images than the 2 of the training split: only the file has 'c'"),
        ((*IDS, "d"), TASKS, "only the dataset has 'd'"),
    ],
)
def test_it_must_be_about_the_tasks_and_images_of_the_run(saved, ids, tasks, message):
    manifest, file = saved
    with pytest.raises(BadManifest, match=message):
        Listed(file, manifest.hash).visible(ids, tasks, 0)

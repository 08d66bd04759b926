from __future__ import annotations

import pytest

from mtlbench.errors import MtlbenchError
from mtlbench_labels.cross_dataset import CrossDataset

PARTS = {"rooms": ("semseg", "edge"), "nyud": ("depth",)}


def test_an_image_shows_the_labels_of_its_part():
    protocol = CrossDataset(PARTS)
    assert protocol.visible(("rooms/1", "nyud/1", "rooms/a/b"), ("depth", "edge", "semseg"), 5) == {
        "rooms/1": ("edge", "semseg"),
        "nyud/1": ("depth",),
        "rooms/a/b": ("edge", "semseg"),
    }
    assert protocol.drawn_from(5) is None


@pytest.mark.parametrize(
    "ids, tasks, message",
    [
        (("rooms/1", "1"), ("depth",), "'1' belongs to none of the parts rooms, nyud"),
        (("room/1", "nyud/1"), ("depth",), 'Did you mean "rooms"'),
        (("rooms/1",), ("depth",), "No image is of the part 'nyud'"),
        (("rooms/1", "nyud/1"), ("normals",), "No part shows labels of 'normals'"),
    ],
)
def test_parts_images_and_tasks_must_fit(ids, tasks, message):
    with pytest.raises(MtlbenchError, match=message):
        CrossDataset(PARTS).visible(ids, tasks, 0)


def test_tasks_of_a_part_are_a_list():
    with pytest.raises(MtlbenchError, match="part 'nyud' are 'depth'; give a list"):
        CrossDataset({"nyud": "depth"})

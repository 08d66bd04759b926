"""Rooms written in the layout are read as what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtlbench.plugin import Catalog
from mtlbench_pascal.dataset import PASCAL

SIZE, ROOMS = (48, 64), 6
VOC = {"table": 11, "chair": 15, "sofa": 18}
CLASSES = ("wall", "floor", "ceiling", "door", "window", "picture", "rug", "table", "chair", "sofa", "bed",
           "cabinet", "shelf", "lamp")  # fmt: skip


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> list[tuple[dict, dict]]:
    """Return the labels of every room as read and as rendered."""
    folder = tmp_path_factory.mktemp("pascal")
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    rooms.write_layout("pascal", folder / "rooms", train=ROOMS, val=1, size=SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTLBENCH_CACHE", str(folder / "cache"))
        tasks = ("semseg", "normals", "edge", "saliency")
        rendered = rooms("train", tasks, size=SIZE, train_rooms=ROOMS, val_rooms=1)
        read = PASCAL("train", tuple(PASCAL.task_options), folder / "rooms")
        assert read.ids[:2] == ("2008_000001", "2008_000002") and len(read) == ROOMS
        return [(read[index]["labels"], rendered[index]["labels"]) for index in range(ROOMS)]


def test_classes_are_vocs_with_void_borders_in_every_other_room(pairs):
    for index, (read, room) in enumerate(pairs):
        expected = np.vectorize(lambda k: VOC.get(CLASSES[k], 0))(room["semseg"])
        void = read["semseg"] == 255
        np.testing.assert_array_equal(read["semseg"][~void], expected[~void])
        np.testing.assert_array_equal(void, (room["edge"] > 0) & (index % 2 == 0))


def test_chairs_have_all_parts_and_rooms_without_chairs_none(pairs):
    seen = set()
    for read, room in pairs:
        chair = room["semseg"] == CLASSES.index("chair")
        np.testing.assert_array_equal(read["human_parts"] > 0, chair)
        seen.add(bool(chair.any()))
    assert seen == {True, False}
    assert {*np.unique([read["human_parts"] for read, _ in pairs])} == set(range(7))


def test_normals_point_down_with_y_and_are_void_on_rugs(pairs):
    for read, room in pairs:
        rug = room["semseg"] == CLASSES.index("rug")
        assert not read["normals"][rug].any()
        np.testing.assert_allclose(read["normals"][~rug], (room["normals"] * (1, -1, 1))[~rug], atol=0.02)
    assert any((room["semseg"] == CLASSES.index("rug")).any() for _, room in pairs)


def test_saliency_is_as_rendered(pairs):
    for read, room in pairs:
        np.testing.assert_array_equal(read["saliency"], room["saliency"])


def test_edges_separate_classes(pairs):
    for read, room in pairs:
        semseg = room["semseg"]
        change = np.zeros(SIZE, bool)
        change[:-1] |= semseg[:-1] != semseg[1:]
        change[1:] |= semseg[:-1] != semseg[1:]
        change[:, :-1] |= semseg[:, :-1] != semseg[:, 1:]
        change[:, 1:] |= semseg[:, :-1] != semseg[:, 1:]
        assert (change | (read["edge"] == 0)).all() and read["edge"].any()


def test_a_layout_is_written_equally_twice(tmp_path: Path):
    rooms = Catalog.load().resolve("dataset", "synthrooms")
    marks = []
    for name in ("one", "two"):
        rooms.write_layout("pascal", tmp_path / name, train=2, val=1, size=SIZE)
        marks.append([PASCAL(split, (), tmp_path / name).fingerprint() for split in ("train", "val")])
    assert marks[0] == marks[1]

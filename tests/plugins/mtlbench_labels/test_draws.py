from __future__ import annotations

import random
from collections import Counter

import pytest

from mtlbench.data.manifest import Manifest
from mtlbench.errors import MtlbenchError
from mtlbench_labels.draw import Draw, number
from mtlbench_labels.per_image import OneLabel, RandomLabel
from mtlbench_labels.per_task import FewShotTask, HalfLabel, PerTaskCount, PerTaskFraction

TASKS = ("semseg", "depth", "normals", "edge", "saliency")
IDS = tuple(f"room {number:04d}" for number in range(503))
#: protocol -> how to make it on some tasks, with a draw
MAKE = {
    "one-label": OneLabel,
    "random-label": RandomLabel,
    "half-label": HalfLabel,
    "per-task-fraction": lambda tasks, draw=0: PerTaskFraction(dict.fromkeys(tasks, 0.3), draw),
    "per-task-count": lambda tasks, draw=0: PerTaskCount({t: 7 + len(t) for t in tasks}, draw),
    "few-shot-task": lambda tasks, draw=0: FewShotTask(tasks, tasks[0], 11, draw),
}


def manifest(protocol: Draw, ids=IDS, tasks=TASKS, seed: int = 0) -> Manifest:
    return Manifest.of(protocol.visible(ids, tasks, seed), tasks, {}, protocol.drawn_from(seed))


@pytest.fixture(params=MAKE)
def make(request):
    return MAKE[request.param]


def test_the_draw_decides_and_the_seed_of_the_run_does_not(make):
    drawn = {draw: manifest(make(TASKS, draw)).hash for draw in range(4)}
    assert len({*drawn.values()}) == 4
    for draw, hash in drawn.items():
        assert manifest(make(TASKS, draw), seed=7).hash == hash
        assert manifest(make(TASKS, "run"), seed=draw).hash == hash
    assert (make(TASKS, 3).drawn_from(7), make(TASKS, "run").drawn_from(7)) == (3, 7)


def test_the_order_of_images_and_tasks_does_not_matter(make):
    ids, rng = [*IDS], random.Random(0)
    rng.shuffle(ids)
    others = [make(TASKS), make((TASKS[0], *TASKS[:0:-1]))]  # the first task is special in few-shot-task
    assert {manifest(other, ids, TASKS[::-1]).hash for other in others} == {manifest(make(TASKS)).hash}


def test_a_run_that_trains_one_task_sees_what_all_see(make):
    whole = manifest(make(TASKS))
    for task in TASKS:
        assert manifest(make(TASKS), tasks=(task,)).hash == whole.hash


def test_a_task_that_the_draw_forgets_is_refused(make):
    with pytest.raises(MtlbenchError, match="says nothing about 'albedo'; name it in label_protocol too"):
        make(TASKS).visible(IDS, ("semseg", "albedo"), 0)


@pytest.mark.parametrize("draw", [-1, 0.5, True, "seed"])
def test_a_draw_is_a_whole_number_or_run(make, draw):
    with pytest.raises(MtlbenchError, match="make it a whole number from 0 on, or 'run'"):
        make(TASKS, draw)


@pytest.mark.parametrize("images", [4, 5, 12, 795])
def test_one_label_gives_each_image_one_and_each_task_as_many(images):
    for draw in range(5):
        drawn = manifest(OneLabel(TASKS, draw), IDS[:images] if images < 500 else map(str, range(images)))
        assert drawn.per_image() == {1: images}
        counts = sorted(drawn.per_task().values())
        assert counts[-1] - counts[0] <= 1 and sum(counts) == images
    assert manifest(OneLabel(TASKS[:3]), [str(i) for i in range(795)], TASKS[:3]).per_task() == dict.fromkeys(
        ("depth", "normals", "semseg"), 265
    )


def test_one_label_favours_no_task_when_images_do_not_divide():
    first = Counter(OneLabel(TASKS, draw).visible(("a",), TASKS, 0)["a"][0] for draw in range(500))
    assert min(first[task] for task in TASKS) > 60  # of 100; a standard deviation is 9


@pytest.mark.parametrize("tasks", [TASKS, TASKS[:3], TASKS[:2]])
def test_random_label_shows_neither_none_nor_all_and_every_number_and_subset_alike(tasks):
    ids = [str(index) for index in range(6000)]
    drawn = manifest(RandomLabel(tasks), ids, tasks)
    assert {*drawn.per_image()} == {*range(1, len(tasks))}
    for number_, count in drawn.per_image().items():
        assert abs(count - 6000 / (len(tasks) - 1)) < 200, number_  # a standard deviation is 37 at most
    subsets = Counter(seen for seen in drawn.labels.values() if len(seen) == 1)
    expected = 6000 / (len(tasks) - 1) / len(tasks)
    assert len(subsets) == len(tasks)
    assert all(abs(count - expected) < 6 * expected**0.5 for count in subsets.values())


def test_random_label_of_an_image_depends_on_no_other():
    whole = RandomLabel(TASKS).visible(IDS, TASKS, 0)
    part = RandomLabel(TASKS).visible(IDS[:9], TASKS, 0)
    assert part == {image: whole[image] for image in IDS[:9]}


@pytest.mark.parametrize("protocol", [OneLabel, RandomLabel])
def test_one_task_leaves_nothing_to_choose(protocol):
    with pytest.raises(MtlbenchError, match="name all tasks of the draw in label_protocol.tasks"):
        protocol(("depth",))


@pytest.mark.parametrize("tasks", ["depth", (), ("depth", "depth")])
def test_tasks_are_a_list_without_repetition(tasks):
    with pytest.raises(MtlbenchError, match="needs a list of different tasks"):
        HalfLabel(tasks)


def test_counts_per_task_are_exact():
    counts = {"semseg": 40, "depth": 1, "normals": 503}
    drawn = manifest(PerTaskCount(counts), tasks=TASKS[:3])
    assert drawn.per_task() == counts
    few = manifest(FewShotTask(TASKS, "edge"))
    assert few.per_task() == {task: 40 if task == "edge" else 503 for task in TASKS}
    assert manifest(HalfLabel(TASKS)).per_task() == dict.fromkeys(TASKS, 252)


@pytest.mark.parametrize(
    "fraction, images, count",
    [(0.1, 503, 50), (0.5, 503, 252), (0.29, 100, 29), (0.001, 503, 1), (1, 503, 503), (0.07, 100, 7)],
)
def test_fractions_are_taken_as_written(fraction, images, count):
    ids = [str(index) for index in range(images)]
    drawn = manifest(PerTaskFraction({"depth": fraction}), ids, ("depth",))
    assert drawn.per_task() == {"depth": count}


def images_of(protocol: Draw, task: str) -> set[str]:
    return {image for image, seen in protocol.visible(IDS, (task,), 0).items() if task in seen}


def test_more_labels_of_a_task_hold_the_fewer():
    nested = [
        PerTaskCount({"depth": 5}),
        FewShotTask(TASKS, "depth", 40),
        PerTaskFraction({"depth": 0.25, "edge": 0.1}),
        HalfLabel(TASKS),
    ]
    shown = [images_of(protocol, "depth") for protocol in nested]
    assert [len(images) for images in shown] == [5, 40, 126, 252]
    assert shown[0] < shown[1] < shown[2] < shown[3]


def test_tasks_are_drawn_apart():
    half = HalfLabel(TASKS)
    together = images_of(half, "depth") & images_of(half, "edge")
    assert abs(len(together) - 126) < 40  # a standard deviation is 6


@pytest.mark.parametrize(
    "make_one, message",
    [
        (lambda: PerTaskCount({"depth": 0}), "choose a whole number from 1 on"),
        (lambda: PerTaskCount({"depth": 2.0}), "choose a whole number from 1 on"),
        (lambda: PerTaskCount({"depth": 504}).visible(IDS, ("depth",), 0), "of 503 images; choose fewer"),
        (lambda: FewShotTask(TASKS, "depth", 504).visible(IDS, TASKS, 0), "of 503 images; choose fewer"),
        (lambda: FewShotTask(TASKS, "dept"), "few-shot task 'dept' is none of"),
        (lambda: PerTaskFraction({"depth": 0}), "choose a number above 0, up to 1"),
        (lambda: PerTaskFraction({"depth": 1.5}), "choose a number above 0, up to 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make_one, message):
    with pytest.raises(MtlbenchError, match=message):
        make_one()


def test_numbers_are_even_and_follow_their_key():
    draws = [number("a", index) for index in range(2000)]
    assert all(0 <= draw < 2**256 for draw in draws)
    assert abs(sum(draw >> 255 for draw in draws) - 1000) < 150
    assert number("a", "b") != number("ab") and number("1") != number(1)


@pytest.mark.parametrize(
    "name, hash",
    [
        ("one-label", "c54d1516fce63e41"),
        ("random-label", "442730198be72df0"),
        ("half-label", "3064ce19a295337c"),
        ("few-shot-task", "dd154880d6e4f38a"),
    ],
)
def test_draws_are_the_same_for_ever_and_everywhere(name, hash):
    assert manifest(MAKE[name](TASKS)).hash[:16] == hash

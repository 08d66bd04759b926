"""Groupings from affinities: nested, and the same for every order of the tasks."""

import random
from itertools import combinations, pairwise

import pytest

from mtlbench_progts.grouping import group_tasks, members, parents


def affinities(tasks, seed=0):
    rng = random.Random(seed)
    rows = [[0.0] * tasks for _ in range(tasks)]
    for a, b in combinations(range(tasks), 2):
        rows[a][b] = rows[b][a] = rng.uniform(-1, 1)
    return rows


def test_tasks_that_are_alike_go_together():
    places = [0.0, 0.3, 0.0, 0.3, 1.0]
    rows = [[1 - abs(a - b) for b in places] for a in places]
    three, two, one = group_tasks(rows, [3, 2, 1])
    assert three == ((0, 2), (1, 3), (4,))
    assert two == ((0, 1, 2, 3), (4,))
    assert one == ((0, 1, 2, 3, 4),)


@pytest.mark.parametrize("seed", range(5))
def test_two_groups_of_three_tasks_keep_the_closest_pair(seed):
    rows = affinities(3, seed)
    closest = max(combinations(range(3), 2), key=lambda pair: rows[pair[0]][pair[1]])
    (two,) = group_tasks(rows, [2])
    assert closest in two


@pytest.mark.parametrize("seed", range(5))
def test_groupings_hold_every_task_once_and_are_nested(seed):
    groupings = group_tasks(affinities(6, seed), [1, 2, 4, 6])
    for count, grouping in zip([1, 2, 4, 6], groupings, strict=True):
        assert len(grouping) == count
        assert sorted(task for group in grouping for task in group) == list(range(6))
    for coarse, fine in pairwise(groupings):
        for group, parent in zip(fine, parents(coarse, fine), strict=True):
            assert set(group) <= set(coarse[parent])


def test_the_order_of_tasks_does_not_matter():
    rows, order = affinities(5), [3, 0, 4, 2, 1]
    shuffled = [[rows[a][b] for b in order] for a in order]
    for plain, other in zip(group_tasks(rows, [2, 3]), group_tasks(shuffled, [2, 3]), strict=True):
        assert {frozenset(group) for group in plain} == {
            frozenset(order[t] for t in group) for group in other
        }


def test_members_are_the_groups_of_tasks():
    assert members(((0, 2), (1,), (3,)), 4) == [0, 1, 0, 2]

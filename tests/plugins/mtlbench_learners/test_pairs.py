from __future__ import annotations

import itertools

import pytest
import torch

from mtlbench_learners.maps import prediction_map
from mtlbench_learners.pairs import PairNetwork, find_pairs, groups, pair_code
from mtlbench_learners.xtc import PairMap

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize("shown", [(), ("a",), ("b", "d"), ("a", "b", "c"), NAMES])
def test_every_unlabelled_task_meets_every_labelled_one(shown):
    labelled = {name: torch.tensor([name in shown, name == "c"]) for name in NAMES}
    pairs = find_pairs(NAMES, labelled)
    first = pairs.image == 0
    assert first.sum() == (4 - len(shown)) * len(shown)
    found = {(int(s), int(t)) for s, t in zip(pairs.source[first], pairs.target[first], strict=True)}
    known = {i for i, name in enumerate(NAMES) if name in shown}
    assert found == set(itertools.product(set(range(4)) - known, known))
    assert (~first).sum() == 3 and (pairs.target[~first] == 2).all()


def test_complete_images_give_all_pairs_where_wanted():
    labelled = {name: torch.tensor([True, name == "a"]) for name in NAMES}
    assert len(find_pairs(NAMES, labelled)) == 3
    pairs = find_pairs(NAMES, labelled, complete=True)
    assert (pairs.image == 0).sum() == 12 and (pairs.source != pairs.target).all()


def test_a_code_is_a_number_of_its_own():
    source, target = torch.tensor(list(itertools.permutations(range(4), 2))).T
    assert sorted(pair_code(source, target, 4).tolist()) == list(range(12))


@pytest.mark.parametrize(("width", "number"), [(4, 1), (8, 1), (16, 2), (64, 8), (20, 2), (12, 1)])
def test_groups_divide_the_width(width, number):
    assert groups(width) == number


def samples(tasks, source):
    return [
        prediction_map(task, torch.randn(source.count(t), task.channels, 8, 16, dtype=torch.float64))
        for t, task in enumerate(tasks)
    ]


def test_pairs_in_a_batch_are_pairs_one_by_one(tasks):
    torch.manual_seed(0)
    tasks = list(tasks.values())
    network = PairNetwork(tasks, (4, 6)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    source, code = [5, 0, 5, 2, 0, 3], torch.tensor([3, 7, 29, 0, 7, 8])
    maps = samples(tasks, source)
    together = network(maps, torch.tensor(source), code)
    assert [tuple(x.shape) for x in together] == [(6, 4, 8, 16), (6, 4, 4, 8), (6, 6, 2, 4)]
    seen = dict.fromkeys(range(6), 0)
    for place, task in enumerate(source):
        one = [m[:0] for m in maps]
        one[task] = maps[task][seen[task] : seen[task] + 1]
        seen[task] += 1
        alone = network(one, torch.tensor([task]), code[place : place + 1])
        for batch, single in zip(together, alone, strict=True):
            torch.testing.assert_close(batch[place], single[0])


def test_a_pair_reads_its_own_vectors_only(tasks):
    torch.manual_seed(0)
    tasks = list(tasks.values())
    network = PairNetwork(tasks, (4, 6)).double()
    network(samples(tasks, [2, 2]), torch.tensor([2, 2]), torch.tensor([11, 12]))[-1].sum().backward()
    for stage in network.stages:
        for block in stage:
            touched = block.scale.grad.view(30, -1).abs().sum(1).nonzero()[:, 0]
            assert set(touched.tolist()) <= {11, 12}
    assert network.stages[0][0].scale.ndim == 1  # so that it does not decay


def test_maps_yield_raw_outputs_of_their_targets(tasks):
    torch.manual_seed(0)
    tasks = list(tasks.values())
    maps = samples(tasks, [0, 1, 1, 5])
    source, target = torch.tensor([0, 1, 1, 5]), torch.tensor([3, 5, 0, 3])
    outputs = PairMap(tasks, (4, 6)).double()(maps, source, target)
    assert [tuple(x.shape) for x in outputs] == [
        (1, 3, 8, 16),
        (0, 1, 8, 16),
        (0, 1, 8, 16),
        (2, 1, 8, 16),
        (0, 3, 8, 16),
        (1, 5, 8, 16),
    ]

from __future__ import annotations

from itertools import chain, islice

import pytest

from mtlbench.data.sampler import StepSampler
from mtlbench.errors import MtlbenchError


def steps(count: int, *args, **kwargs) -> list[list[tuple[int, int]]]:
    return list(islice(StepSampler(*args, **kwargs), count))


@pytest.mark.parametrize("start", [0, 1, 4, 5, 6, 13])
def test_resuming_at_any_step_gives_the_tail_of_the_whole_stream(start):
    whole = steps(20, 23, 4, seed=3)
    assert steps(20 - start, 23, 4, seed=3, start=start) == whole[start:]


def test_two_processes_share_the_batches_of_one():
    whole = steps(15, 23, 6, seed=1)
    ranks = [steps(15, 23, 3, seed=1, rank=rank, world=2) for rank in range(2)]
    assert [first + second for first, second in zip(*ranks, strict=True)] == whole


def test_an_epoch_shows_every_image_once():
    sampler = StepSampler(24, 4, seed=0)
    assert sampler.steps_per_epoch == 6
    for epoch in range(3):
        keys = list(chain(*islice(StepSampler(24, 4, seed=0, start=6 * epoch), 6)))
        assert {number for number, _ in keys} == {epoch}
        assert sorted(index for _, index in keys) == list(range(24))


def test_incomplete_batches_are_dropped_and_leave_out_other_images_each_epoch():
    seen = [frozenset(index for _, index in chain(*steps(5, 23, 4, seed=0, start=5 * e))) for e in range(4)]
    assert all(len(indices) == 20 for indices in seen)
    assert len(set(seen)) > 1


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = [
        tuple(index for _, index in steps(1, 64, 64, seed=s, start=e)[0]) for s in (0, 1) for e in (0, 1)
    ]
    assert len(set(orders)) == 4


def test_starting_late_costs_one_permutation():
    assert steps(1, 10, 5, seed=0, start=10**12)[0][0][0] == 5 * 10**11


def test_too_few_images_for_a_batch_is_an_error_with_the_way_on():
    with pytest.raises(MtlbenchError, match=r"7 images.*batch of 4 on each of 2.*at most 3"):
        StepSampler(7, 4, seed=0, world=2)

from __future__ import annotations

import pytest

from mtlbench.data.errors import BadSample
from mtlbench.engine.loader import Loader
from mtlbench.errors import MtlbenchError


class View:
    """Yield numbers; the fourth is broken as a file may be, the sixth as a program may be."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 3:
            raise BadSample("images/0004.jpg is cut short; replace it.")
        if index == 5:
            raise ZeroDivisionError
        return index


def even(numbers):
    if numbers == [6, 7]:
        raise MtlbenchError("Images of one batch differ in size.")
    return sum(numbers)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    "batch, error, text",
    [
        ([2, 3], BadSample, "images/0004.jpg is cut short; replace it."),
        ([6, 7], MtlbenchError, "Images of one batch differ in size."),
    ],
)
def test_an_error_of_the_bench_arrives_as_it_is(workers, batch, error, text):
    batches = iter(Loader(View(), even, batch_sampler=[[0, 1], batch], num_workers=workers))
    assert next(batches) == 1
    with pytest.raises(error) as caught:
        next(batches)
    assert str(caught.value) == text and type(caught.value) is error


def test_a_bug_stays_a_bug():
    with pytest.raises(ZeroDivisionError):
        list(Loader(View(), even, batch_sampler=[[5]]))

import copy

import pytest
import torch

from mtlbench.testing.adapter_contract import scatter
from mtlbench_hypernets.emission import Emission, Once, Part

TASKS = 3


@pytest.mark.parametrize("locations, conditions", [(4, 4), (1, 4), (4, 1), (1, 1)])
@pytest.mark.parametrize("bias", [False, True])
def test_emits_what_single_products_emit(locations, conditions, bias):
    emission = Emission({"a": Part((2, 3), 1.0), "b": Part((5,), 0.0)}, 7, locations, bias).double()
    scatter(dict(emission.named_parameters()))
    v = torch.randn(conditions, TASKS, 7, dtype=torch.float64)
    emitted = emission.emit(v)
    many = max(locations, conditions)
    assert {name: part.shape for name, part in emitted.items()} == {
        "a": (many, TASKS, 2, 3),
        "b": (many, TASKS, 5),
    }
    for place in range(many):
        network = place % locations
        for t in range(TASKS):
            whole = emission.weight[network] @ v[place % conditions, t]
            if bias:
                whole = whole + emission.bias.view(locations, -1)[network]
            torch.testing.assert_close(emitted["a"][place, t], whole[:6].view(2, 3), rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(emitted["b"][place, t], whole[6:], rtol=1e-12, atol=1e-12)


def test_parts_start_at_their_deviation_or_at_zero():
    emission = Emission({"a": Part((40, 50), 0.3), "b": Part((9,), 0.0)}, 64, 3, bias=True)
    emitted = emission.emit(torch.randn(1, 10, 64, generator=torch.Generator().manual_seed(0)))
    assert abs(emitted["a"].std().item() - 0.3) < 0.02
    assert not emitted["b"].any()


def test_values_are_computed_at_the_first_reader_and_dropped_after_the_last():
    drawn = iter(range(10))
    source = Once(lambda: {"a": torch.tensor(next(drawn))}, 3)
    for forward in range(2):
        assert [source.read(index)["a"].item() for index in range(3)] == [forward] * 3
        assert not source._values
    copy.deepcopy(source)

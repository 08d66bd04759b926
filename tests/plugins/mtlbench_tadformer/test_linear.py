"""What is dropped, and with which draw."""

import pytest
import torch
from torch import nn

from mtlbench_tadformer import linear
from mtlbench_tadformer.filters import StaticFilter
from mtlbench_tadformer.linear import ConditionedLinear, LoRALinear, TaskLinear

TASKS, INPUT, OUTPUT, RANK = 2, 6, 4, 3


def made(kind, *parts):
    torch.manual_seed(0)
    layer = kind(nn.Linear(INPUT, OUTPUT), *parts, rank=RANK, scale=4.0, dropout=0.5).double()
    nn.init.normal_(layer.B)
    return layer


@pytest.fixture
def mask(monkeypatch):
    """Draw one mask for maps (1, 2, 3, 5, INPUT), which every dropout of that shape uses."""
    torch.manual_seed(1)
    mask = 2.0 * (torch.rand(1, 2, 3, 5, INPUT) < 0.5).double()

    def dropped(x, rate, training):
        assert (rate, training) == (0.5, True)
        return x * mask

    monkeypatch.setattr(linear, "dropout", dropped)
    return mask


def test_conditioning_reads_the_dropped_input_once(mask):
    layer = made(ConditionedLinear, StaticFilter(TASKS, RANK))
    x = torch.randn(1, 2, 3, 5, INPUT).double()
    weights = torch.randn(TASKS, 2, 3, 5, 2).double()
    streams, weighed = layer.fan_out(x, weights, layer.filter)
    torch.testing.assert_close(weighed, x * mask * weights.repeat_interleave(INPUT // 2, -1))
    h = layer.frozen(x[0])
    torch.testing.assert_close(streams[0], h + 4.0 * (x * mask)[0] @ layer.A.T @ layer.B.T)
    own = layer.filter(layer.norm(weighed + x * mask) @ layer.A.T)
    for t in range(TASKS):
        torch.testing.assert_close(streams[1 + t], h + 4.0 * own[t] @ layer.B.T)


def test_streams_of_tasks_are_not_dropped(mask):
    layer = made(TaskLinear, StaticFilter(TASKS, RANK))
    x = torch.randn(1 + TASKS, 2, 3, 5, INPUT).double()
    streams = layer(x)
    own = layer.filter(x[1:] @ layer.A.T)
    torch.testing.assert_close(streams[1:], layer.frozen(x[:1]) + 4.0 * own @ layer.B.T)
    torch.testing.assert_close(streams[:1], layer(x[:1]))


def test_a_plain_update_becomes_a_plain_layer():
    layer, x = made(LoRALinear).eval(), torch.randn(1, 2, 5, INPUT).double()
    before = layer(x)
    assert not torch.allclose(before, layer.frozen(x))
    merged = layer.deployed()
    assert type(merged) is nn.Linear
    torch.testing.assert_close(merged(x), before)


@pytest.mark.parametrize("kind, parts", [(LoRALinear, ()), (TaskLinear, (StaticFilter(TASKS, RANK),))])
def test_updates_start_at_zero(kind, parts):
    layer = kind(nn.Linear(INPUT, OUTPUT), *parts, rank=RANK, scale=4.0, dropout=0.0)
    x = torch.randn(1 + TASKS if parts else 1, 2, 3, 5, INPUT)
    assert torch.equal(layer(x), layer.frozen(x[:1]).expand(len(x), -1, -1, -1, -1))

import pytest
import torch
from torch import nn

from mtlbench.testing.adapter_contract import scatter
from mtlbench_progts.linear import GroupLinear, SharedLinear, updated


def layer(groups, dropout=0.0):
    torch.manual_seed(0)
    made = updated(nn.Linear(12, 20).requires_grad_(False), groups, rank=3, scale=1.5, dropout=dropout)
    scatter({name: p for name, p in made.named_parameters() if p.requires_grad})
    return made.double()


@pytest.mark.parametrize("streams", [1, 4])
@pytest.mark.parametrize("shape", [(2, 5, 12), (2, 3, 5, 12)])
def test_every_group_equals_a_dense_layer_of_its_own(streams, shape):
    ours = layer(4)
    x = torch.randn(streams, *shape, dtype=torch.float64)
    y = ours(x)
    for group in range(4):
        dense = ours.frozen.weight + 1.5 * ours.B[group] @ ours.A[group]
        expected = x[group % streams] @ dense.T + ours.frozen.bias
        torch.testing.assert_close(y[group], expected, rtol=1e-12, atol=1e-12)


def test_only_one_group_becomes_a_plain_layer():
    assert isinstance(layer(1), SharedLinear) and not hasattr(layer(2), "deployed")
    ours, x = layer(1), torch.randn(1, 2, 5, 12, dtype=torch.float64)
    expected = ours(x)
    torch.testing.assert_close(ours.deployed()(x), expected, rtol=1e-12, atol=1e-12)


def test_starts_as_the_frozen_layer():
    ours = GroupLinear(nn.Linear(12, 20), 3, rank=2, scale=4.0, dropout=0.0)
    x = torch.randn(1, 2, 5, 12)
    assert torch.equal(ours(x), ours.frozen(x).expand(3, -1, -1, -1))


def test_drops_only_in_training():
    ours, x = layer(2, dropout=0.5), torch.randn(1, 2, 5, 12, dtype=torch.float64)
    assert not torch.equal(ours(x), ours(x))
    assert torch.equal(ours.eval()(x), ours(x))

"""Layers against matrices written out element by element, one task after another, in float64."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench_sinewich.clock import Clock
from mtlbench_sinewich.linear import SharedLinear, SineLinear
from mtlbench_sinewich.modulate import Modulate, smooth

TASKS, INPUT, OUTPUT, SCALE = 3, 9, 12, 4.0
DOUBLE = torch.float64


def frozen(bias=True):
    torch.manual_seed(0)
    return nn.Linear(INPUT, OUTPUT, bias=bias).double().requires_grad_(False)


def sine(f, ends=False, bias=True):
    """Make a layer that has left its start, and the Clock-net that it asks."""
    base, clock = frozen(bias), Clock(TASKS, 8, joins=False).double()
    layer = SineLinear(base, 3, SCALE, f, clock.frequencies, ends).double()
    nn.init.normal_(layer.B)
    return layer, clock


def tokens(streams):
    generator = torch.Generator().manual_seed(4)
    return torch.randn(streams, 2, 3, 4, INPUT, generator=generator, dtype=DOUBLE, requires_grad=True)


def gauss(size):
    """Write the filter out as a matrix (size, size)."""
    distance = torch.arange(size, dtype=DOUBLE)[:, None] - torch.arange(size, dtype=DOUBLE)
    total = sum(math.exp(-(i**2) / 2) for i in range(-3, 4))
    return torch.where(distance.abs() <= 3, torch.exp(-(distance**2) / 2) / total, 0.0)


@pytest.mark.parametrize("rows, columns", [(12, 9), (2, 5)])
def test_filters_rows_and_columns(rows, columns):
    x = torch.randn(TASKS, rows, columns, dtype=DOUBLE)
    before = x.clone()
    torch.testing.assert_close(smooth(x), gauss(rows) @ x @ gauss(columns), rtol=1e-12, atol=1e-12)
    assert torch.equal(x, before)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("f", [0.1, 5.0])
def test_gradients_of_weights_are_those_of_finite_differences(f, shared):
    torch.manual_seed(0)
    W, M = (torch.randn(4, 5, dtype=DOUBLE, requires_grad=True) for _ in range(2))
    omega = torch.rand(TASKS, dtype=DOUBLE, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *x: Modulate.apply(*x, f, SCALE, shared), (W, M, omega))


@pytest.mark.parametrize("f", [0.5, 20.0])
@pytest.mark.parametrize("fanned_out", [True, False])
@pytest.mark.parametrize("ends, bias", [(True, True), (False, False)])
def test_equals_a_loop_over_tasks_with_its_gradients(f, fanned_out, ends, bias):
    layer, clock = sine(f, ends, bias)
    W, b, M = layer.frozen.weight, layer.frozen.bias, layer.B @ layer.A
    weights = [] if ends else [W + SCALE * M]
    for p in clock.p.view(TASKS, -1):
        omega = clock.s * (torch.tanh(clock.w @ F.relu(p)) + clock.c)
        weights.append(W + SCALE / f * gauss(OUTPUT) @ torch.sin(f * omega * M) @ gauss(INPUT))
    x = tokens(len(weights) if fanned_out else 1)
    loop = torch.stack([F.linear(x[s if fanned_out else 0], weight, b) for s, weight in enumerate(weights)])
    ours = layer(x)
    torch.testing.assert_close(ours, loop, rtol=1e-10, atol=1e-10)
    probe = torch.randn(ours.shape, dtype=DOUBLE)
    variables = [x, layer.A, layer.B, *clock.parameters()]
    for mine, other in zip(
        torch.autograd.grad((ours * probe).sum(), variables),
        torch.autograd.grad((loop * probe).sum(), variables),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-8)


def test_starts_exactly_at_the_frozen_layer():
    clock = Clock(TASKS, 8, joins=False)
    layer = SineLinear(frozen(), 3, SCALE, 100.0, clock.frequencies).double()
    W = layer.frozen.weight
    assert torch.equal(layer.weights(), W.expand(1 + TASKS, -1, -1))


def test_a_low_frequency_leaves_the_low_rank_and_a_high_one_raises_it():
    ranks = []
    for f in (1e-3, 20.0):
        layer, _ = sine(f)
        updates = (layer.weights() - layer.frozen.weight).detach()
        ranks.append([int(torch.linalg.matrix_rank(update, rtol=1e-4)) for update in updates])
    assert ranks == [[3] * (1 + TASKS), [3] + [9] * TASKS]


def test_tasks_are_bounded_and_differ_by_their_frequency_alone():
    layer, clock = sine(50.0)
    updates = (layer.weights() - layer.frozen.weight)[1:].detach()
    assert updates.abs().max() <= SCALE / 50.0
    assert not torch.allclose(updates[0], updates[1], atol=1e-3)
    with torch.no_grad():
        clock.p.view(TASKS, -1)[:] = clock.p.view(TASKS, -1)[0].clone()
    same = layer.weights()[1:]
    assert torch.equal(same, same[:1].expand_as(same))


@pytest.mark.parametrize("streams", [1, 4])
def test_shared_layer_equals_the_dense_form_and_merges(streams):
    layer = SharedLinear(frozen(), 3, SCALE).double()
    nn.init.normal_(layer.B)
    x = tokens(streams)
    expected = F.linear(x, layer.frozen.weight + SCALE * layer.B @ layer.A, layer.frozen.bias)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(layer.deployed()(x), expected, rtol=1e-12, atol=1e-12)


def test_the_clock_is_bounded_by_its_scale_and_shift():
    clock = Clock(50, 6, joins=False)
    nn.init.normal_(clock.p, std=100.0)
    omega = clock.frequencies()
    assert omega.min() >= 0 and omega.max() <= 2 and omega.max() > 1.9
    nn.init.zeros_(clock.p)
    assert torch.equal(clock.frequencies(), torch.ones(50))
    assert all(parameter.dim() == 1 for parameter in clock.parameters())


def test_tokens_join_the_first_stage_only_if_asked():
    clock = Clock(TASKS, 6, joins=True)
    assert torch.equal(clock(0, None)[0, 0], clock.p.view(TASKS, 6))
    assert clock(1, clock(0, None)) is None
    assert Clock(TASKS, 6, joins=False)(0, None) is None

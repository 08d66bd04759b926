"""Layers against dense matrices of singular values, one matrix and one task after another, in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench_ditask.cpab import flow, velocity
from mtlbench_ditask.linear import Decomposed, SharedLinear, TaskLinear
from mtlbench_ditask.spectra import Indices, Spectra, Values, deform

TASKS = 3


def frozen(inputs=9, outputs=12, bias=True):
    torch.manual_seed(0)
    return nn.Linear(inputs, outputs, bias=bias).double().requires_grad_(False)


def scattered(layer, size=1.0):
    """Move theta, and compute the values that a forward pass reads."""
    torch.manual_seed(1)
    layer.double()
    spectra = [module for module in layer.modules() if isinstance(module, Spectra)]
    for each in spectra:
        nn.init.normal_(each.theta, std=size)
    deform(spectra)
    return layer


def tokens(streams, inputs=9):
    generator = torch.Generator().manual_seed(4)
    return torch.randn(streams, 2, 3, 4, inputs, generator=generator, dtype=torch.float64, requires_grad=True)


def dense(weight, parts, theta, kind):
    """Deform the singular values of each part by one field, and put the parts together."""
    deformed = []
    for part in weight.chunk(parts):
        U, S, Vt = torch.linalg.svd(part, full_matrices=False)
        field = torch.zeros(len(S), dtype=torch.long)
        speeds = velocity(theta[None])
        if kind is Values:
            new = S[0] * flow(S / S[0], speeds, field)
        else:
            grid = torch.linspace(0, 1, len(S), dtype=torch.float64)
            place = flow(grid, speeds, field).detach().numpy()
            new = torch.from_numpy(np.interp(place, grid.numpy(), S.numpy()))
        deformed.append(U @ torch.diag(new) @ Vt)
    return torch.cat(deformed)


@pytest.mark.parametrize("merges", [True, False])
@pytest.mark.parametrize("kind", [Values, Indices])
@pytest.mark.parametrize("inputs, outputs, parts", [(9, 12, 1), (12, 9, 1), (6, 18, 3)])
@pytest.mark.parametrize("streams", [1, 4])
def test_shared_layer_equals_the_dense_form(inputs, outputs, parts, kind, streams, merges, monkeypatch):
    monkeypatch.setattr(Decomposed, "merges", lambda *_: merges)
    base = frozen(inputs, outputs, bias=streams == 1)
    layer = scattered(SharedLinear(base, kind(1, 8, False), parts))
    x = tokens(streams, inputs)
    expected = F.linear(x, dense(base.weight, parts, layer.shared.theta, kind), base.bias)
    assert not torch.allclose(expected, base(x), rtol=1e-3)
    torch.testing.assert_close(layer(x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("merges", [True, False])
@pytest.mark.parametrize("fanned_out", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_task_layer_equals_a_loop_over_tasks_with_its_gradients(fanned_out, ends, merges, monkeypatch):
    monkeypatch.setattr(Decomposed, "merges", lambda *_: merges)
    base, first = frozen(), 0 if ends else 1
    shared = None if ends else Values(1, 8, False)
    layer = scattered(TaskLinear(base, shared, Values(TASKS, 4, False)))
    x = tokens(first + TASKS if fanned_out else 1)
    thetas = [] if ends else [layer.shared.theta]
    thetas += list(layer.task.theta.view(TASKS, -1))
    loop = torch.stack(
        [
            F.linear(x[s if fanned_out else 0], dense(base.weight, 1, theta, Values), base.bias)
            for s, theta in enumerate(thetas)
        ]
    )
    ours = layer(x)
    torch.testing.assert_close(ours, loop, rtol=1e-9, atol=1e-9)
    probe = torch.randn(ours.shape, dtype=torch.float64)
    variables = [x, *(p for p in layer.parameters() if p.requires_grad)]
    for mine, other in zip(
        torch.autograd.grad((ours * probe).sum(), variables),
        torch.autograd.grad((loop * probe).sum(), variables),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("fanned_out", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_a_task_layer_deploys_to_factors_and_fixed_values(fanned_out, ends):
    layer = scattered(TaskLinear(frozen(), None if ends else Values(1, 8, False), Values(TASKS, 4, False)))
    x = tokens((TASKS if ends else 1 + TASKS) if fanned_out else 1)
    expected = layer(x)
    deployed = layer.deployed()
    assert not [module for module in deployed.modules() if isinstance(module, Spectra)]
    assert [values.shape for values in deployed.values][-1] == (TASKS, 9)
    torch.testing.assert_close(deployed(x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [Values, Indices])
def test_keeps_order_and_the_largest_value(kind):
    layer = scattered(SharedLinear(frozen(), kind(1, 16, False)), size=3.0)
    old, new = layer.shared.S[0], layer.shared.values[0]
    assert (new.diff() < 0).all() and (new > 0).all()
    torch.testing.assert_close(new[0], old[0])
    assert (torch.isclose(new[-1], old[-1])).item() == (kind is Indices)


def test_resampling_passes_gradients_as_finite_differences():
    spectra = Indices(2, 4, False).double()
    spectra.S = torch.linalg.svdvals(torch.randn(2, 7, 7, dtype=torch.float64))

    def values(theta):
        x = spectra.points().flatten().repeat(2)
        moved = flow(x, velocity(theta), torch.arange(2).repeat_interleave(14))
        return spectra.read(moved.view(2, 2, 7))

    theta = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(values, theta)


@pytest.mark.parametrize("kind", [Values, Indices])
def test_starts_where_it_says(kind):
    layer = SharedLinear(frozen(), kind(1, 64, False)).double()
    deform([layer.shared])
    torch.testing.assert_close(layer(tokens(1)), layer.frozen(tokens(1)), rtol=1e-12, atol=1e-12)
    theta = kind(300, 64, True).theta
    assert theta.dim() == 1 and theta.abs().max() <= 63**-0.5
    assert abs(theta.std().item() - (1 / (3 * 63)) ** 0.5) < 2e-3


def test_values_of_layers_together_are_those_of_each_alone():
    kinds = [Values(1, 8, False), Indices(2, 8, False), Values(3, 4, False)]
    layers = [SharedLinear(frozen(9 + i), each) for i, each in enumerate(kinds)]
    for layer in layers:
        scattered(layer)
    alone = [each.values for each in kinds]
    deform(kinds)
    for each, values in zip(kinds, alone, strict=True):
        torch.testing.assert_close(each.values, values, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rows, merged", [(12, False), (17, False), (30, True)])
def test_a_square_weight_is_merged_once_there_are_more_than_twice_as_many_rows(rows, merged):
    """3·n·C² + 2·C³ < 4·n·C² from n > 2·C on; without gradients n·C² + C³ < 2·n·C² from n > C on."""
    layer = SharedLinear(frozen(12, 12), Values(1, 4, False))
    x = torch.zeros(1, rows, 12)
    assert layer.merges(x, 1) == merged
    with torch.no_grad():
        assert layer.merges(x, 1) == (rows > 12)


def test_drops_inputs_of_the_first_stream_only_and_only_in_training():
    layer = scattered(TaskLinear(frozen(), Values(1, 8, False), Values(TASKS, 4, False), dropout=0.5))
    x = tokens(1 + TASKS)
    first, second = layer(x), layer(x)
    assert not torch.equal(first[0], second[0])
    assert torch.equal(first[1:], second[1:])
    assert torch.equal(layer.eval()(x), layer(x))


def test_a_checkpoint_of_another_weight_is_decomposed_anew():
    layer, other = SharedLinear(frozen(), Values(1, 8, False)), nn.Linear(9, 12).double()
    U = layer.U
    layer.load_state_dict(layer.state_dict())
    assert layer.U is U and set(layer.state_dict()) == {"frozen.weight", "frozen.bias", "shared.theta"}
    layer.load_state_dict({**layer.state_dict(), "frozen.weight": other.weight})
    deform([layer.shared])
    torch.testing.assert_close(layer.weights(layer.shared.values)[0], other.weight, rtol=1e-6, atol=1e-6)

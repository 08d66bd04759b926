"""The layers against dense O x I matrices, one task after another, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench.testing.adapter_contract import scatter
from mtlbench_lora.dora import DoRALinear, TaskDoRALinear
from mtlbench_lora.linear import LoRALinear, TaskLoRALinear

TASKS, INPUT, OUTPUT, SCALE = 3, 10, 12, 1.5
SHARED = (LoRALinear, DoRALinear)
PER_TASK = (TaskLoRALinear, TaskDoRALinear)


def made(kind, rank=2, dropout=0.0, parts=1, bias=True, start=False, **options):
    torch.manual_seed(0)
    frozen = nn.Linear(INPUT, OUTPUT, bias=bias).double().requires_grad_(False)
    options |= {"tasks": TASKS} if kind in PER_TASK else {}
    layer = kind(frozen, rank, SCALE, dropout, parts, **options)
    if not start:
        scatter(trained(layer))
    return layer


def trained(layer):
    return {name: p for name, p in layer.named_parameters() if p.requires_grad}


def tokens(streams):
    generator = torch.Generator().manual_seed(4)
    return torch.randn(streams, 2, 3, 4, INPUT, generator=generator, dtype=torch.float64, requires_grad=True)


def weight(layer, t):
    """Write the weight of task t out: pieces of outputs have updates of their own."""
    A, B = (p[t] if p.ndim == 3 else p for p in (layer.A, layer.B))
    rank, size = B.shape[1], OUTPUT // layer.parts
    pieces = [B[p * size :][:size] @ A[p * rank :][:rank] for p in range(layer.parts)]
    dense = layer.frozen.weight + SCALE * torch.cat(pieces)
    if not hasattr(layer, "magnitude"):
        return dense
    norm = dense.norm(dim=1, keepdim=True)
    magnitude = layer.magnitude.view(-1, OUTPUT)[t if layer.A.ndim == 3 else 0].unsqueeze(1)
    return magnitude * dense / (norm.detach() if layer.detach_norm else norm)


def dense(layer, x):
    sets = TASKS if layer.A.ndim == 3 else len(x)
    return torch.stack([F.linear(x[t % len(x)], weight(layer, t), layer.frozen.bias) for t in range(sets)])


CASES = [
    *[(kind, streams, {}) for kind in SHARED for streams in (1, 4)],
    *[(kind, streams, {}) for kind in PER_TASK for streams in (1, TASKS)],
    *[(kind, 1, {"detach_norm": False}) for kind in (DoRALinear, TaskDoRALinear)],
]


@pytest.mark.parametrize("kind, streams, options", CASES)
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_the_dense_form_with_its_gradients(kind, streams, options, parts, bias):
    layer, x = made(kind, parts=parts, bias=bias, **options), tokens(streams)
    ours, theirs = layer(x), dense(layer, x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    probe = torch.randn(ours.shape, dtype=torch.float64)
    variables = [x, *trained(layer).values()]
    for mine, other in zip(
        torch.autograd.grad((ours * probe).sum(), variables),
        torch.autograd.grad((theirs * probe).sum(), variables),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-10)


def test_the_gradient_of_the_norm_is_the_difference():
    gradients = []
    for detach_norm in (True, False):
        layer = made(DoRALinear, detach_norm=detach_norm)
        layer(tokens(1)).square().sum().backward()
        gradients.append((layer.B.grad, layer.magnitude.grad))
    assert not torch.allclose(gradients[0][0], gradients[1][0])
    torch.testing.assert_close(gradients[0][1], gradients[1][1])


@pytest.mark.parametrize("kind", [*SHARED, *PER_TASK])
def test_starts_at_the_frozen_layer(kind):
    layer, x = made(kind, dropout=0.5, parts=3, start=True), tokens(1)
    torch.testing.assert_close(layer(x), layer.frozen(x).expand(*layer(x).shape), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("kind", [*SHARED, *PER_TASK])
def test_a_starts_from_kaimings_law_and_b_from_zero(kind):
    options = {"tasks": TASKS} if kind in PER_TASK else {}
    layer = kind(nn.Linear(200, 6), 400, 1.0, 0.0, 3, **options)
    for A in layer.A.view(-1, 1200, 200):
        assert A.abs().max() <= 200**-0.5
        assert abs(A.std().item() - (1 / 600) ** 0.5) < 1e-3
    assert not layer.B.any()


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("parts", [1, 3])
def test_merges_exactly_into_the_frozen_weight(kind, parts):
    layer, x = made(kind, dropout=0.2, parts=parts).eval(), tokens(4)
    expected, adapted = weight(layer, 0), layer(x)
    plain = layer.deployed()
    assert type(plain) is nn.Linear
    torch.testing.assert_close(plain.weight, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(plain(x), adapted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [*SHARED, *PER_TASK])
def test_drops_only_in_training_and_only_inputs_of_updates(kind):
    layer, x = made(kind, dropout=0.5), tokens(1)
    assert not torch.equal(layer(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))
    with torch.no_grad():
        layer.train().B.zero_()
    assert torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("kind", PER_TASK)
def test_tasks_share_the_dropout_of_a_shared_input(kind):
    layer, x = made(kind, dropout=0.5, start=True), tokens(1)
    with torch.no_grad():
        layer.B.fill_(0.3)
        layer.A.copy_(layer.A[:1].expand_as(layer.A))
    y = layer(x)
    torch.testing.assert_close(y, y[:1].expand_as(y), rtol=1e-12, atol=1e-12)

"""The factored layers against dense O x I matrices, one stream at a time, in float64."""

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench_faar.linear import SHARED, NestedDoRA, NestedLoRA, parameter_key

TASKS = ("semseg", "depth.v2", "human-parts")
INPUT, OUTPUT, RANK, SCALE, RATE = 10, 14, 5, 4.0, 0.1


def layer(variant, tasks=TASKS, shared=True, bias=True, dropout=0.0):
    torch.manual_seed(0)
    frozen = nn.Linear(INPUT, OUTPUT, bias=bias).double().requires_grad_(False)
    options = {"rank": RANK, "scale": SCALE, "dropout": dropout}
    if variant == "dora":
        made = NestedDoRA(frozen, tasks, shared, magnitude_rate=RATE, **options)
    else:
        made = NestedLoRA(frozen, tasks, shared, rms_scale=variant == "rms", **options)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.requires_grad:
                size = 2.0 if name.startswith("theta") else 0.3
                parameter += size * torch.randn(parameter.shape, generator=generator).double()
    return made


def dense(made, variant, stream, shared, own, rank):
    """Follow the definition: W0 x + bias + ΔW x_s with ΔW written out."""
    key = made.streams[stream]
    weight, bias = made.frozen.weight, made.frozen.bias
    delta = SCALE * made.B[key][:, :rank] @ made.A[key][:rank]
    base = F.linear(shared, weight, bias)
    if variant == "rms":
        return base + base.detach().pow(2).mean(-1, keepdim=True).sqrt() * F.linear(own, delta)
    if variant == "dora":
        norm = weight.norm(dim=1)
        direction = F.normalize(F.normalize(weight, dim=1) + delta, dim=1)
        magnitude = norm * torch.exp(RATE * (made.theta[key] - norm.log()))
        delta = magnitude[:, None] * direction - weight
    return base + F.linear(own, delta)


def reference(made, variant, x, dropped):
    ranks = dict(zip(made.streams, made.drawn or [RANK] * len(made.streams), strict=True))
    if not made.tasks:
        return torch.stack(
            [dense(made, variant, SHARED, a, b, ranks[SHARED]) for a, b in zip(x, dropped, strict=True)]
        )
    inputs = dropped.expand(1 + len(TASKS), *dropped.shape[1:])
    streams = [
        dense(made, variant, stream, x[0], inputs[s], ranks[stream])
        if stream in made.streams
        else F.linear(x[0], made.frozen.weight, made.frozen.bias)
        for s, stream in enumerate((SHARED, *TASKS))
    ]
    return torch.stack(streams)


@pytest.mark.parametrize("variant", ["dora", "lora", "rms"])
@pytest.mark.parametrize("tasks, shared", [(TASKS, True), (TASKS, False), ((), True)])
@pytest.mark.parametrize("streams", [1, 4])
@pytest.mark.parametrize("bias, drawn", [(True, False), (False, True)])
@pytest.mark.parametrize("merges", [False, True])
def test_equals_the_dense_form_with_its_gradients(
    variant, tasks, shared, streams, bias, drawn, merges, monkeypatch
):
    monkeypatch.setattr(NestedDoRA, "merges", lambda self, rank, fanned: merges)
    made = layer(variant, tasks, shared, bias)
    if drawn:
        made.draw(random.Random(1), RANK, 0.0)
        assert len(set(made.drawn)) > 1 or not tasks
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(streams, 2, 3, 4, INPUT, generator=generator, dtype=torch.float64, requires_grad=True)
    trained = [p for p in made.parameters() if p.requires_grad]
    ours, theirs = made(x), reference(made, variant, x, x)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    probe = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
    for mine, other in zip(
        torch.autograd.grad((ours * probe).sum(), [x, *trained]),
        torch.autograd.grad((theirs * probe).sum(), [x, *trained]),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("variant", ["dora", "lora"])
@pytest.mark.parametrize("tasks", [TASKS, ()])
@pytest.mark.parametrize("streams", [1, 4])
def test_dropout_masks_the_whole_update(variant, tasks, streams, monkeypatch):
    made = layer(variant, tasks, dropout=0.5)
    x = torch.randn(streams, 2, 6, INPUT, dtype=torch.float64)
    mask = 2.0 * (torch.rand(made.drop(x).shape) < 0.5)
    monkeypatch.setattr(made, "drop", lambda own: own * mask.reshape(own.shape))
    torch.testing.assert_close(made(x), reference(made, variant, x, x * mask), rtol=1e-10, atol=1e-10)


def test_dropout_keeps_the_expected_share():
    made = layer("lora", dropout=0.25)
    kept = made.drop(torch.ones(1, 100, 1000)) != 0
    assert abs(kept.double().mean() - 0.75) < 0.01
    assert made.eval().drop(torch.ones(1, 10, 10)).eq(1).all()


def test_starts_exactly_at_the_frozen_layer():
    frozen = nn.Linear(INPUT, OUTPUT)
    made = NestedDoRA(frozen, TASKS, True, rank=RANK, scale=SCALE, dropout=0.05, magnitude_rate=RATE)
    x = torch.randn(4, 2, 6, INPUT)
    assert torch.equal(made.eval()(x), frozen(x[:1]).expand(4, -1, -1, -1))
    assert torch.equal(made.train()(x), frozen(x[:1]).expand(4, -1, -1, -1))


def test_magnitudes_turn_with_theta():
    made = layer("dora", tasks=())
    with torch.no_grad():
        made.B[SHARED].zero_()
        made.theta[SHARED].copy_(made.norm.log() + 10 * torch.tensor(2.0).log())
    x = torch.randn(1, 6, INPUT, dtype=torch.float64)
    torch.testing.assert_close(made(x), 2 * F.linear(x, made.frozen.weight) + made.frozen.bias)


def test_a_dead_row_of_the_frozen_layer_stays_finite():
    frozen = nn.Linear(INPUT, OUTPUT)
    frozen.weight.data[3] = 0
    made = NestedDoRA(frozen, (), True, rank=RANK, scale=SCALE, dropout=0.0, magnitude_rate=RATE)
    y = made(torch.randn(1, 6, INPUT))
    y.sum().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in made.parameters())


def test_keys_are_the_task_wherever_possible():
    assert parameter_key("human_parts") == "human_parts"
    odd = ["a.b", "a-b", "a%2eb", "keys", "%keys", "training", "a/b", "a b"]
    keys = [parameter_key(task) for task in odd]
    assert len(set(keys)) == len(odd) and not any("." in key for key in keys)


@pytest.mark.parametrize("variant", ["dora", "lora", "rms"])
@pytest.mark.parametrize("tasks, shared", [(TASKS, True), (TASKS, False), ((), True)])
@pytest.mark.parametrize("streams", [1, 4])
def test_deploys_to_an_equal_layer_of_fewer_parts(variant, tasks, shared, streams):
    made = layer(variant, tasks, shared, dropout=0.5).eval()
    for rank, key in enumerate(made.streams.values(), start=1):  # unequal, as after pruning
        made.A[key].data, made.B[key].data = made.A[key].data[:rank], made.B[key].data[:, :rank]
    x = torch.randn(streams, 2, 3, 4, INPUT, dtype=torch.float64)
    expected, ranks = made(x), made.ranks()
    deployed = made.deployed()
    torch.testing.assert_close(deployed(x), expected, rtol=1e-12, atol=1e-12)
    if not tasks and variant != "rms":
        assert type(deployed) is nn.Linear
    else:
        assert [A.shape[0] for A in deployed.A.values()] == [*ranks.values()]
        assert not [*deployed.buffers()]

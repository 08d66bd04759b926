"""The layer against dense O x I matrices, one task after another, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench_mtlora import linear
from mtlbench_mtlora.linear import SHARED_MODES, MergeableLinear, MTLoRALinear

TASKS, INPUT, OUTPUT, SCALE = 3, 10, 14, 4.0


def layer(mode="matrix", tasks=TASKS, dropout=0.0, ends=False, bias=True, start=False, kind=MTLoRALinear):
    torch.manual_seed(0)
    frozen = nn.Linear(INPUT, OUTPUT, bias=bias).double().requires_grad_(False)
    options = {"rank": 5, "task_rank": 2, "scale": SCALE, "dropout": dropout, "mode": mode, "ends": ends}
    made = kind(frozen, tasks, **options).double()
    if not start:
        with torch.no_grad():
            for parameter in trained(made):
                parameter += 0.3 * torch.randn(parameter.shape, dtype=torch.float64)
    return made


def trained(made):
    return [p for p in made.parameters() if p.requires_grad]


def tokens(streams, seed=4):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(streams, 2, 3, 4, INPUT, generator=generator, dtype=torch.float64, requires_grad=True)


def dense(made, mode, x, mask):
    """Write every update out as a matrix, for the shared stream and one task after another."""

    def update(pair, k):
        return SCALE * pair.B[k] @ pair.A[k]

    if made.task is None:
        return torch.stack(
            [made.frozen(s) + F.linear(s * m, update(made.shared, 0)) for s, m in zip(x, mask, strict=True)]
        )
    shared, dropped = x[0], x[0] * mask[0]
    h = F.linear(shared, made.frozen.weight, made.frozen.bias)
    low_rank = 0.0 if made.shared is None else F.linear(dropped, update(made.shared, 0))
    tasks = []
    for t in range(TASKS):
        own = dropped if len(x) == 1 else x[1 + t]
        base = h + low_rank if mode == "matrixv2" else h
        tasks.append(base + F.linear(own, update(made.task, t)))
    if made.norm is not None:
        low_rank = F.layer_norm(sum(tasks), (OUTPUT,), made.norm.weight, made.norm.bias)
    return torch.stack([h + low_rank, *tasks])


@pytest.mark.parametrize("mode", SHARED_MODES)
@pytest.mark.parametrize("tasks, streams", [(0, 1), (0, 4), (TASKS, 1), (TASKS, 4)])
@pytest.mark.parametrize("ends, bias", [(False, True), (True, False)])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_equals_the_dense_form_with_its_gradients(mode, tasks, streams, ends, bias, dropout, monkeypatch):
    made, x = layer(mode, tasks, dropout, ends and tasks > 0, bias), tokens(streams)
    mask = torch.ones_like(x) if not dropout else 2.0 * (torch.rand(x.shape) < 0.5)

    def dropped(own, rate, training):
        assert (rate, training) == (dropout, True)
        return own * mask.flatten()[: own.numel()].view(own.shape)

    monkeypatch.setattr(linear, "dropout", dropped)
    ours, theirs = made(x), dense(made, mode, x, mask)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    probe = torch.randn(ours.shape, dtype=torch.float64)
    variables = [x, *trained(made)]
    for mine, other in zip(
        torch.autograd.grad((ours * probe).sum(), variables),
        torch.autograd.grad((theirs * probe).sum(), variables),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rows, cheaper", [(2, False), (5, False), (6, True), (1000, True)])
def test_merges_in_evaluation_where_that_is_cheaper(rows, cheaper):
    """(10 + 14)·n > 10·14 from n = 6 on; nothing is merged while inputs are dropped."""
    made = layer(tasks=0, dropout=0.5)
    x = tokens(1).flatten(0, -2)[:1].detach().expand(rows, -1)
    with torch.no_grad():
        assert made.merges(rows) == cheaper
        torch.testing.assert_close(made.eval()(x), dense(made, "matrix", x[None], torch.ones(1))[0])
        assert len(made.train()(x).unique(dim=0)) > 1


@pytest.mark.parametrize("mode", SHARED_MODES)
@pytest.mark.parametrize("training", [True, False])
def test_starts_exactly_at_the_frozen_layer(mode, training):
    made, x = layer(mode, dropout=0.05, start=True).train(training), tokens(4)
    assert torch.equal(made(x), made.frozen(x[:1]).expand(4, -1, -1, -1, -1))


def test_a_starts_from_kaimings_law_for_every_stream():
    made = MTLoRALinear(
        nn.Linear(200, 6), TASKS, rank=400, task_rank=400, scale=1.0, dropout=0.0, mode="matrix"
    )
    for A in (*made.shared.A, *made.task.A):
        assert A.shape == (400, 200)
        assert A.abs().max() <= 200**-0.5
        assert abs(A.std().item() - (1 / 600) ** 0.5) < 1e-3
    assert not made.shared.B.any() and not made.task.B.any()


@pytest.mark.parametrize("mode", SHARED_MODES)
def test_what_nothing_reads_is_not_created(mode):
    names = {name.split(".")[0] for name, _ in layer(mode, ends=True).named_parameters()}
    assert names == {"frozen", "task"} | ({"shared"} if mode == "matrixv2" else set())


def test_drops_inputs_of_updates_only_and_only_in_training():
    made, x = layer(dropout=0.5), tokens(4)
    first, second = made(x), made(x)
    assert not torch.equal(first[0], second[0])
    assert torch.equal(first[1:], second[1:])
    assert torch.equal(made.eval()(x), made(x))


@pytest.mark.parametrize("mode", SHARED_MODES)
def test_a_layer_without_tasks_becomes_a_plain_one(mode):
    made, x = layer(mode, tasks=0, dropout=0.5, kind=MergeableLinear).eval(), tokens(4)
    expected = made(x)
    plain = made.deployed()
    assert type(plain) is nn.Linear
    torch.testing.assert_close(plain(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("streams", [1, 4])
def test_what_tasks_read_is_merged_under_their_updates(streams):
    made, x = layer("matrixv2", dropout=0.5, kind=MergeableLinear).eval(), tokens(streams)
    expected = made(x)
    merged = made.deployed()
    assert {name.split(".")[0] for name, _ in merged.named_parameters()} == {"frozen", "task"}
    torch.testing.assert_close(merged(x), expected, rtol=1e-12, atol=1e-12)

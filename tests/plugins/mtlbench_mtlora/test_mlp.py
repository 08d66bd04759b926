"""The MLP whose tasks' hidden layers are never held, against its layers one after another, in float64."""

import pytest
import torch
from torch import nn

from mtlbench_mtlora import linear, streams
from mtlbench_mtlora.linear import SHARED_MODES, MTLoRALinear
from mtlbench_mtlora.mlp import MTLoRAMlp, is_plain

TASKS, WIDTH, HIDDEN = 3, 6, 10


def mlp(mode, dropout=0.0):
    torch.manual_seed(0)
    options = {"rank": 5, "task_rank": 2, "scale": 4.0, "dropout": dropout, "mode": mode}
    fc1 = MTLoRALinear(nn.Linear(WIDTH, HIDDEN), TASKS, **options)
    made = MTLoRAMlp(fc1, nn.GELU(), MTLoRALinear(nn.Linear(HIDDEN, WIDTH), TASKS, **options)).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, dtype=torch.float64)
    return made


@pytest.mark.parametrize("mode", SHARED_MODES)
@pytest.mark.parametrize("count", [1, 1 + TASKS])
@pytest.mark.parametrize("rows", [1, 5, 100])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_equals_its_layers_one_after_another_with_gradients(mode, count, rows, dropout, monkeypatch):
    made = mlp(mode, dropout)
    x = torch.randn(count, 2, 3, 4, WIDTH, dtype=torch.float64, requires_grad=True)
    mask = 2.0 * (torch.rand(2000) < 0.5)
    monkeypatch.setattr(streams, "_rows", lambda *_: rows)
    monkeypatch.setattr(
        linear, "dropout", lambda y, *_: y * mask[: y.numel()].view(y.shape) if dropout else y
    )
    probe = torch.randn(1 + TASKS, *x.shape[1:], dtype=torch.float64)
    results = []
    for y in (made(x), made.fc2(made.act(made.fc1(x)))):
        results.append([y, *torch.autograd.grad((y * probe).sum(), [x, *made.parameters()])])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "extra, plain",
    [
        ({}, True),
        ({"drop": nn.Dropout(0.0), "norm": nn.Identity()}, True),
        ({"drop": nn.Dropout(0.1)}, False),
        ({"norm": nn.LayerNorm(HIDDEN)}, False),
    ],
)
def test_only_parts_that_do_nothing_are_left_out(extra, plain):
    parts = {"fc1": nn.Linear(WIDTH, HIDDEN), "act": nn.GELU(), "fc2": nn.Linear(HIDDEN, WIDTH)}
    assert is_plain(nn.ModuleDict(parts | extra)) == plain

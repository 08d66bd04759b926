from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from mtlbench.contracts.adapter import Selection
from mtlbench.engine.checkpoint import load_latest
from mtlbench.engine.config import Optimizer
from mtlbench.engine.optim import NonFiniteLoss, apply_selections, build_optimizer, learning_rate_factor
from mtlbench_tasks.depth import Depth

KINDS = ("AdamW", "Adam", "SGD")


def stepped(kind: str) -> tuple[nn.Parameter, nn.Parameter, torch.optim.Optimizer]:
    """Return A (5, 3) and B (4, 5) after three steps of an optimiser, with fresh gradients."""
    torch.manual_seed(0)
    A, B = nn.Parameter(torch.randn(5, 3)), nn.Parameter(torch.randn(4, 5))
    optimizer = build_optimizer(Optimizer(type=kind, lr=0.1), [{"params": [A, B], "weight_decay": 0.1}])
    for _ in range(3):
        A.grad, B.grad = torch.randn_like(A), torch.randn_like(B)
        optimizer.step()
    A.grad, B.grad = torch.randn_like(A), torch.randn_like(B)
    return A, B, optimizer


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_leaves_what_a_fresh_optimiser_on_the_cut_state_would_do(kind):
    A, B, optimizer = stepped(kind)
    keep = torch.tensor([4, 0, 2])
    # brute force: new leaves, a new optimiser, and every tensor of the old state cut by hand
    cut_A, cut_B = nn.Parameter(A.detach()[keep].clone()), nn.Parameter(B.detach()[:, keep].clone())
    cut_A.grad, cut_B.grad = A.grad[keep].clone(), B.grad[:, keep].clone()
    fresh = build_optimizer(Optimizer(type=kind, lr=0.1), [{"params": [cut_A, cut_B], "weight_decay": 0.1}])
    for old, new, index in ((A, cut_A, (keep,)), (B, cut_B, (slice(None), keep))):
        fresh.state[new] = {
            key: value[index].clone() if value.ndim == 2 else value.clone()
            for key, value in optimizer.state[old].items()
        }
    apply_selections([Selection(A, 0, keep), Selection(B, 1, keep)], optimizer)
    assert optimizer.param_groups[0]["params"][0] is A and optimizer.param_groups[0]["params"][1] is B
    for old, new in ((A, cut_A), (B, cut_B)):
        assert torch.equal(old.grad, new.grad)
    for _ in range(2):
        optimizer.step()
        fresh.step()
    assert torch.equal(A, cut_A) and torch.equal(B, cut_B)
    assert not torch.equal(A, stepped(kind)[0][keep])


def test_a_cut_needs_no_gradient_and_no_state():
    A = nn.Parameter(torch.arange(6.0).view(3, 2))
    optimizer = build_optimizer(Optimizer(lr=0.1), [{"params": [A], "weight_decay": 0.0}])
    apply_selections([Selection(A, 0, torch.tensor([2]))], optimizer)
    assert A.tolist() == [[4.0, 5.0]] and A.grad is None and A.is_contiguous()
    A.grad = torch.ones_like(A)
    optimizer.step()
    assert A.tolist() != [[4.0, 5.0]]


def test_shrinking_frees_parameters_and_state(train):
    record, work_dir = train("adapter.update(rank=8, rho=0.6)")
    content = load_latest(work_dir / "checkpoints")
    ranks = [rank for streams in record.rank_map.values() for rank in streams.values()]
    slots = {name: v for name, v in content["model"].items() if ".A." in name or ".B." in name}
    held = {name: min(v.shape) if name.count(".A.") else v.shape[1] for name, v in slots.items()}
    assert sum(held.values()) == 2 * sum(ranks) < 2 * 8 * len(ranks)
    assert record.parameters.final == record.parameters.trainable - sum(
        (8 - v.shape[0 if ".A." in name else 1]) * v.shape[1 if ".A." in name else 0]
        for name, v in slots.items()
    )
    moments = [state["exp_avg"].numel() for state in content["optimizer"]["state"].values()]
    assert sum(moments) == record.parameters.final


def test_the_learning_rate_rises_and_falls():
    cosine = [learning_rate_factor(step, 100, 0.1, "cosine", 0.01) for step in range(101)]
    assert cosine[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert cosine[10] == 1.0 and cosine[100] == pytest.approx(0.01)
    assert cosine[55] == pytest.approx((1 + 0.01) / 2)
    assert all(a > b for a, b in itertools.pairwise(cosine[10:]))
    poly = [learning_rate_factor(step, 100, 0.0, "poly", 0.0) for step in (0, 50, 99, 100)]
    assert poly == pytest.approx([1.0, 0.5**0.9, 0.01**0.9, 0.0])
    # 200 epochs of 3 steps, halved after 100: torch's StepLR(100, gamma=0.5)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    published, factors = torch.optim.lr_scheduler.StepLR(optimizer, 100, gamma=0.5), []
    for _ in range(200):
        factors += published.get_last_lr() * 3
        optimizer.step()
        published.step()
    assert [learning_rate_factor(step, 600, 0.0, "step", 0.5) for step in range(600)] == factors
    assert {learning_rate_factor(step, 9, 0.0, "constant", 0.0) for step in range(9)} == {1.0}
    assert learning_rate_factor(0, 1, 0.0, "cosine", 0.0) == 1.0


def test_a_run_uses_the_curve(train):
    _, work_dir = train(schedule__iterations=6, schedule__curve="poly")
    (group, other) = load_latest(work_dir / "checkpoints")["optimizer"]["param_groups"]
    assert group["lr"] == other["lr"] == pytest.approx(5e-3 * learning_rate_factor(5, 6, 0.1, "poly", 0.0))


@pytest.fixture
def poisoned(monkeypatch):
    """Make the loss of depth NaN from its sixth training batch on."""
    calls = []
    loss = Depth.loss

    def poison(self, output, label):
        calls.append(1)
        total, valid = loss(self, output, label)
        return (total * math.nan if len(calls) > 5 else total), valid

    monkeypatch.setattr(Depth, "loss", poison)


def test_a_loss_that_is_nan_stops_the_run_at_the_last_good_checkpoint(train, tmp_path, poisoned):
    work_dir = tmp_path / "work"
    with pytest.raises(NonFiniteLoss) as caught:
        train()
    assert "non-finite: depth = nan." in str(caught.value) and "semseg" not in str(caught.value)
    assert load_latest(work_dir / "checkpoints")["step"] == 4
    assert not list(work_dir.glob("*.json"))
    assert "non-finite: depth" in (work_dir / "train.log").read_text()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_changes_no_parameter(parts, monkeypatch, value):
    built = parts()
    wrapper, (batch,) = built.wrapper(), built.batches(1)
    built.model.train_step(batch, wrapper)
    before = copy.deepcopy(built.model.state_dict())
    state = copy.deepcopy(wrapper.optimizer.state_dict())
    loss = Depth.loss
    monkeypatch.setattr(Depth, "loss", lambda self, *args: (loss(self, *args)[0] * value, torch.tensor(1)))
    with pytest.raises(NonFiniteLoss, match="non-finite: depth = "):
        built.model.train_step(batch, wrapper)
    trained = {name for name, parameter in built.model.named_parameters() if parameter.requires_grad}
    for name, parameter in built.model.state_dict().items():
        if name in trained:
            assert torch.equal(parameter, before[name]), name
    for index, values in wrapper.optimizer.state_dict()["state"].items():
        assert all(torch.equal(values[key], state["state"][index][key]) for key in values)


BALANCERS = [
    {"type": "equal"},
    {"type": "uw"},
    {"type": "lps"},  # weights the losses of the step itself
    {"type": "famo"},  # and looks again
]


@pytest.mark.parametrize("balancer", BALANCERS, ids=lambda balancer: balancer["type"])
@pytest.mark.parametrize("accumulate", [2, 3])
def test_a_step_in_parts_is_a_step(parts, balancer, accumulate):
    changes = {"adapter__dropout": 0.0, "optimizer__type": "SGD", "schedule__clip_grad": None}
    cut, whole = (parts(balancer=balancer, schedule__accumulate=n, **changes) for n in (accumulate, 1))
    torch.testing.assert_close(
        cut.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0, equal_nan=True
    )
    start = copy.deepcopy(whole.model.state_dict())
    (batch,) = whole.batches(1)
    batch["labels"]["depth"][0] = 0  # parts have different numbers of valid pixels
    losses = []
    for built in (cut, whole):
        for module in built.model.decoder.modules():  # batch norm sees the part
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        losses.append(built.model.train_step(copy.deepcopy(batch), built.wrapper()))
    torch.testing.assert_close(*losses)
    states = (built.model.balancer.state_dict() for built in (cut, whole))
    torch.testing.assert_close(*states, equal_nan=True)
    moved = 0
    for name, value in whole.model.named_parameters():
        if value.requires_grad:
            step, other = value - start[name], cut.model.get_parameter(name) - start[name]
            moved += bool(step.any())
            assert (step - other).norm() <= 1e-3 * step.norm() + 1e-9, name
    assert moved > 50


def test_bfloat16_trains_float32_weights(train):
    record, work_dir = train(schedule__amp="bf16", schedule__iterations=4)
    exact, _ = train(schedule__iterations=4, work_dir=work_dir.with_name("exact"))
    assert record.config_hash != exact.config_hash
    for task, curve in record.curves.items():
        assert curve == pytest.approx(exact.curves[task], rel=0.05) and curve != exact.curves[task]
    model = load_latest(work_dir / "checkpoints")["model"]
    assert {v.dtype for v in model.values() if v.is_floating_point()} == {torch.float32}

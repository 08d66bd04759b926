"""Gradient balancers inside a step: what is shared, what each mode costs and yields."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from mtlbench.contracts.balancer import GradientBalancer
from mtlbench.engine import experiment as runs
from mtlbench.engine.config import ConfigError
from mtlbench.engine.errors import RunError
from mtlbench.engine.optim import BalancedOptimWrapper, NonFiniteLoss
from mtlbench.engine.sharing import SHARED, owners
from mtlbench_gradients.pcgrad import PCGrad
from mtlbench_tasks.depth import Depth

SIZE = (32, 48)
PLAIN = {"adapter__dropout": 0.0, "optimizer": {"type": "SGD", "lr": 1e-2}, "schedule__clip_grad": None}
LORA = {"adapter": {"type": "lora", "rank": 2}, **{k: v for k, v in PLAIN.items() if "dropout" not in k}}


class Given(GradientBalancer):
    """Weight by constants, and count how often they are asked for."""

    asked = 0

    def combine(self, step):
        Given.asked += 1
        return torch.tensor([2.0, -0.5], dtype=torch.float64)[: len(step.tasks)]


class GivenDirection(GradientBalancer):
    """Take the same combination as a direction."""

    needs = "jacobian"

    def combine(self, step):
        return torch.tensor([2.0, -0.5]) @ step.jacobian


def still(model):
    """Let batch norms use their running statistics, so that gradients are sums over images."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def gradients(built, balancer, batch, parts=1):
    """Return what a step leaves in every parameter's gradient, and the wrapper."""
    model = built.model
    model.balancer = balancer
    combination = runs.combine_gradients(model, SIZE)
    wrapper = BalancedOptimWrapper(built.wrapper().optimizer, model, None, parts, "none", combination)
    still(model)
    model.adapter.before_step(0)
    found = {}

    def keep():
        found.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})

    model.adapter.after_backward = keep
    model.train_step(copy.deepcopy(batch), wrapper)
    return found, wrapper


def by_task(built, batch):
    """Return task -> parameter -> gradient of its loss, by plain backward passes."""
    model = built.model
    still(model)
    model.adapter.before_step(0)
    rows = {}
    for task in model.tasks:
        model.zero_grad()
        model(**copy.deepcopy(batch), mode="loss").active[task].backward()
        rows[task] = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return rows


def expected(built, batch, alpha, heads="unit"):
    """Combine plain gradients by hand; a parameter whose name says a task is that task's."""
    rows, own = by_task(built, batch), owners(built.model, SIZE)
    names = {parameter: name for name, parameter in built.model.named_parameters()}
    found = {}
    for parameter, owner in own.items():
        name = names[parameter]
        total = torch.zeros_like(parameter)
        for weight, (_, row) in zip(alpha, rows.items(), strict=True):
            if name in row:
                scale = torch.where(owner == SHARED, weight, weight if heads == "task" else 1.0)
                total += row[name] * (
                    scale.view(-1, *[1] * (parameter.ndim - 1)) if parameter.ndim else scale[0]
                )
        found[name] = total
    return found


def close(ours, theirs):
    for name, value in theirs.items():
        got = ours.get(name, torch.zeros_like(value))
        assert (got - value).norm() <= 2e-4 * value.norm() + 1e-7, name


@pytest.fixture
def tasks():
    return ("depth", "semseg")


def test_what_each_task_reaches_is_found(parts):
    model = parts(decoder={"type": "hrnet", "neck_channels": (4, 4, 4, 4)}).model
    own = {name: owners(model, SIZE)[p] for name, p in model.named_parameters() if p.requires_grad}
    assert (own["decoder.neck.0.weight"] == torch.tensor([0, 1])).all()  # a slice per task
    for name, owner in own.items():
        if ".heads.depth." in name:
            assert (owner == 0).all(), name
        if ".heads.semseg." in name:
            assert (owner == 1).all(), name
    trunk = {name: owner for name, owner in own.items() if ".qkv." in name}
    assert trunk and all((owner == SHARED).all() for owner in trunk.values())
    private = {name for name, owner in own.items() if name.startswith("backbone.") and (owner >= 0).all()}
    assert len(private) > 20  # FAAR's updates of single tasks


def test_looking_at_owners_changes_nothing(parts):
    model = parts().model
    before = copy.deepcopy(model.state_dict())
    owners(model, SIZE)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training and all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("heads", ["unit", "task"])
@pytest.mark.parametrize("balancer", [Given, GivenDirection])
@pytest.mark.parametrize("changes", [PLAIN, LORA], ids=["faar", "lora"])
def test_rows_are_combined_on_what_tasks_share(parts, tasks, changes, balancer, heads):
    if balancer is GivenDirection and heads == "task":
        pytest.skip("a direction has no weights")
    built = parts(**changes)
    (batch,) = built.batches(1)
    theirs = expected(built, batch, (2.0, -0.5), heads)
    ours, wrapper = gradients(built, balancer(tasks, heads=heads), batch)
    close(ours, theirs)
    if balancer is Given:
        assert {task: float(w) for task, w in wrapper.weights.items()} == {"depth": 2.0, "semseg": -0.5}


@pytest.mark.parametrize("scope", ["shared", "last-blocks", "representation"])
@pytest.mark.parametrize("heads", ["unit", "task"])
def test_every_scope_moves_everything(parts, tasks, scope, heads):
    built = parts(**LORA)
    (batch,) = built.batches(1)
    theirs = expected(built, batch, (2.0, -0.5), heads)
    ours, _ = gradients(built, Given(tasks, scope=scope, heads=heads), batch)
    close(ours, theirs)


def test_the_scope_is_what_is_compared(parts, tasks, monkeypatch):
    built, seen = parts(**LORA), {}
    (batch,) = built.batches(1)
    rows = by_task(built, batch)
    for scope in ("shared", "last-blocks", "representation"):
        monkeypatch.setattr(
            Given, "combine", lambda self, step, scope=scope: seen.setdefault(scope, step.gram)[0] * 0 + 1
        )
        gradients(parts(**LORA), Given(tasks, scope=scope, blocks=1), batch)
    own = owners(built.model, SIZE)
    shared = {n for n, p in built.model.named_parameters() if n in rows["depth"] and (own[p] == SHARED).all()}
    last = {n for n in shared if n.startswith("backbone.layers.3.blocks.1.")}
    for scope, names in (("shared", shared), ("last-blocks", last)):
        flat = torch.stack(
            [torch.cat([row[n].flatten() for n in sorted(names)]) for row in rows.values()]
        ).double()
        torch.testing.assert_close(seen[scope], flat @ flat.T, rtol=1e-4, atol=1e-9)
    assert seen["representation"].diagonal().min() > 0


@pytest.mark.parametrize("heads", ["unit", "task"])
def test_between_combinations_the_last_weights_serve(parts, tasks, heads):
    built = parts(**PLAIN)
    (batch,) = built.batches(1)
    balancer = Given(tasks, heads=heads, every=3)
    Given.asked = 0
    theirs = expected(built, batch, (2.0, -0.5), heads)
    balancer.alpha.copy_(torch.tensor([2.0, -0.5]))
    balancer.age.fill_(1)
    ours, _ = gradients(built, balancer, batch)
    assert Given.asked == 0
    close(ours, theirs)
    for asked in (0, 1, 1, 1, 2):
        gradients(built, balancer, batch)
        assert Given.asked == asked


def test_weights_may_be_scaled_to_the_sum_of_plain_summing(parts, tasks):
    built = parts(**PLAIN)
    (batch,) = built.batches(1)
    _, wrapper = gradients(built, Given(tasks, normalise=True), batch)
    assert sum(float(weight) for weight in wrapper.weights.values()) == pytest.approx(2.0)


@pytest.mark.parametrize("balancer", [Given, GivenDirection, PCGrad])
def test_a_step_in_parts_is_a_step(parts, tasks, balancer):
    built = parts(**PLAIN)
    (batch,) = built.batches(1)
    batch["labels"]["depth"][0] = 0
    start = copy.deepcopy(built.model.state_dict())
    whole, _ = gradients(built, balancer(tasks), batch)
    built.model.load_state_dict(
        {k: v for k, v in start.items() if not k.startswith("balancer")}, strict=False
    )
    cut, _ = gradients(built, balancer(tasks), batch, parts=2)
    close(cut, whole)


def test_cheap_scopes_do_not_go_with_parts(parts, tasks):
    built = parts(**LORA)
    (batch,) = built.batches(1)
    with pytest.raises(RunError, match="schedule.accumulate=1"):
        gradients(built, Given(tasks, scope="last-blocks"), batch, parts=2)


def test_features_of_single_tasks_are_no_representation(parts, tasks):
    built = parts(**PLAIN)
    (batch,) = built.batches(1)
    with pytest.raises(RunError, match="gives each task its own"):
        gradients(built, Given(tasks, scope="representation"), batch)


def test_without_shared_parameters_there_is_nothing_to_combine(parts, tasks):
    built = parts(adapter={"type": "frozen"}, decoder={"type": "hrnet", "neck_channels": (4, 4, 4, 4)})
    built.model.balancer = Given(tasks)
    with pytest.raises(RunError, match="No parameter is shared"):
        runs.combine_gradients(built.model, SIZE)


def test_a_task_without_labels_has_no_row(parts, tasks, monkeypatch):
    built = parts(**PLAIN)
    (batch,) = built.batches(1)
    batch["labels"]["depth"][:] = 0
    seen = []
    monkeypatch.setattr(PCGrad, "combine", lambda self, step: seen.append(step.tasks))
    balancer = PCGrad(tasks)
    balancer.alpha.copy_(torch.tensor([3.0, 4.0]))
    _, wrapper = gradients(built, balancer, batch)
    assert not seen and balancer.alpha.tolist() == [3.0, 1.0]  # one task is the identity
    assert wrapper.weights.keys() == {"semseg"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_leaves_the_step_out(parts, tasks, monkeypatch, caplog, value):
    built = parts(**PLAIN)
    (batch,) = built.batches(1)
    loss = Depth.loss

    def poison(self, output, label):
        total, count = loss(self, output, label)
        if total.requires_grad:
            total.register_hook(lambda gradient: gradient * value)
        return total, count

    monkeypatch.setattr(Depth, "loss", poison)
    before = copy.deepcopy(built.model.state_dict())
    with caplog.at_level("WARNING", "mtlbench.run"):
        found, wrapper = gradients(built, PCGrad(tasks), batch)
    assert not found and "the gradient of depth is not finite" in caplog.text
    for name, parameter in built.model.named_parameters():
        assert parameter.grad is None and (name not in before or torch.equal(parameter, before[name]))
    with pytest.raises(NonFiniteLoss, match="in 10 steps on end"):
        for _ in range(10):
            built.model.train_step(copy.deepcopy(batch), wrapper)


def test_a_combination_in_a_chain_sees_what_comes_before(parts, tasks):
    built = parts(
        balancer=[{"type": "lps"}, {"type": "fixed", "weights": {"depth": 3.0}}, {"type": "pcgrad"}], **PLAIN
    )
    chain = built.model.balancer
    assert [type(part).__name__ for part in chain.parts] == ["LPS", "Fixed", "PCGrad"]
    (batch,) = built.batches(1)
    rows = by_task(built, batch)
    losses = {
        t: float(v.detach()) for t, v in built.model(**copy.deepcopy(batch), mode="loss").active.items()
    }
    scale = {"depth": 3 / (1 + losses["depth"] + 1e-6), "semseg": 1 / (1 + losses["semseg"] + 1e-6)}
    seen = []
    combine = PCGrad.combine
    chain.parts[-1].combine = lambda step: seen.append(step.gram) or combine(chain.parts[-1], step)
    gradients(built, chain, batch)
    own = owners(built.model, SIZE)
    shared = [n for n, p in built.model.named_parameters() if p in own and (own[p] == SHARED).all()]
    flat = torch.stack(
        [
            torch.cat(
                [scale[t] * rows[t].get(n, torch.zeros(0)).flatten() for n in shared if n in rows["depth"]]
            )
            for t in rows
        ]
    ).double()
    torch.testing.assert_close(seen[0], flat @ flat.T, rtol=1e-3, atol=1e-9)


def test_a_combination_comes_last(parts):
    with pytest.raises(ConfigError, match="comes last"):
        parts(balancer=[{"type": "pcgrad"}, {"type": "equal"}])


def test_how_gradients_agree_is_recorded_and_drawn(train):
    record, work_dir = train(schedule__iterations=4, balancer={"type": "upgrad"})
    pairs = {pair for found in record.conflicts.values() for pair in found}
    assert pairs == {"depth|semseg"} and list(record.conflicts)[:2] == ["all", "layers.0.blocks.0"]
    assert all(-1 <= cosine <= 1 for found in record.conflicts.values() for cosine in found.values())
    assert (work_dir / "pictures/conflicts.png").is_file()
    assert all(len(weights) == 1 for weights in record.weights.values())


def test_misspelt_options_of_a_combination_are_refused(load):
    from mtlbench.engine.registries import register
    from mtlbench.plugin import Catalog

    with pytest.raises(ConfigError, match="no option 'evry'.*every"):
        register(load(balancer={"type": "cagrad", "evry": 2}), Catalog.load())

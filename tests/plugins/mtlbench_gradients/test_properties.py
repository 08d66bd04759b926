"""What all rules have in common: order, scale, degenerate gradients, tasks without labels, one task."""

import copy

import pytest
import torch

from mtlbench.contracts.balancer import GradientBalancer
from mtlbench.plugin import Catalog

from .conftest import DEGENERATE, direction, jacobian, names, step

CATALOG = Catalog.load()
RULES = [
    entry.record.name
    for entry in CATALOG.entries("balancer")
    if entry.record.target.startswith("mtlbench_gradients.")
]
#: the update grows with the gradients, c J -> c d
HOMOGENEOUS = set(RULES) - {"nash", "fairgrad", "moco"}


def make(rule, count=3, parameters=20) -> GradientBalancer:
    balancer = CATALOG.resolve("balancer", rule)(names(count))
    balancer.prepare(parameters)
    return balancer


def test_all_rules_are_here():
    assert len(RULES) == 17


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_tasks_does_not_matter(rule):
    if rule in ("pcgrad", "gradvac"):
        pytest.skip("its result depends on a random order")
    rows = jacobian(4, seed=1, conflict=0.9)
    losses = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    order = torch.tensor([2, 0, 3, 1])
    tasks = tuple(f"task{t}" for t in order.tolist())
    one = direction(make(rule, 4), rows, losses=losses)
    other = direction(make(rule, 4), rows[order], losses=losses[order], tasks=tasks)
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1e4])
@pytest.mark.parametrize("rule", sorted(HOMOGENEOUS))
def test_the_update_grows_with_the_gradients(rule, scale):
    rows = jacobian(3, seed=2, conflict=0.9)
    one, other = direction(make(rule), rows), direction(make(rule), scale * rows)
    torch.testing.assert_close(other / scale, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("rule", RULES)
def test_degenerate_gradients_give_finite_updates(rule, case):
    rows = DEGENERATE[case]
    found = direction(make(rule, len(rows)), rows)
    assert found.isfinite().all()
    if case == "equal":  # three times the same: the update is along it
        assert torch.cosine_similarity(found, rows[0], dim=0) == pytest.approx(1.0, abs=1e-6)
    if case == "all zero":
        assert not found.any()


@pytest.mark.parametrize("rule", ["mgda", "cagrad", "upgrad", "dualproj", "nash", "fairgrad", "conicgrad"])
@pytest.mark.parametrize("case", ["huge", "tiny"])
def test_no_task_rises_however_large_the_others(rule, case):
    rows = DEGENERATE[case]
    options = {"cagrad": {"c": 0.99}, "conicgrad": {"c": 0.1}}.get(rule, {})
    balancer = CATALOG.resolve("balancer", rule)(names(3), **options)
    found = direction(balancer, rows)
    decrease = rows @ found / (rows.norm(dim=1) * found.norm())
    assert (decrease >= (-0.1 if rule in ("cagrad", "conicgrad") else -1e-6)).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_task_without_labels_keeps_its_state(rule):
    balancer = make(rule)
    direction(balancer, jacobian(3, seed=3))
    before = copy.deepcopy(balancer.state_dict())
    rows = jacobian(2, seed=4, conflict=1.0)
    found = direction(balancer, rows, tasks=("task0", "task2"))
    assert found.isfinite().all()
    for name, value in balancer.state_dict().items():
        if value.ndim and name != "alpha":
            assert torch.equal(value[1], before[name][1]), name
    # a rule without state equals itself on the tasks that have labels
    if not [name for name in before if name not in ("alpha", "age")]:
        two = CATALOG.resolve("balancer", rule)(("task0", "task2"))
        torch.testing.assert_close(direction(two, rows, tasks=("task0", "task2")), found)


@pytest.mark.parametrize("rule", RULES)
def test_state_goes_through_a_checkpoint(rule):
    one = make(rule)
    for seed in range(3):
        direction(one, jacobian(3, seed=seed, conflict=0.9), seed=seed)
    other = make(rule)
    other.load_state_dict(one.state_dict())
    rows = jacobian(3, seed=9, conflict=0.9)
    assert torch.equal(direction(one, rows, seed=1), direction(other, rows, seed=1))


@pytest.mark.parametrize("rule", RULES)
def test_a_step_is_equal_for_equal_generators(rule):
    rows = jacobian(4, seed=5, conflict=1.0)
    first, second = (make(rule, 4).combine(step(rows, seed=7)) for _ in range(2))
    assert torch.equal(first, second)

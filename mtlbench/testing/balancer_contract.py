"""The properties that every balancer must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer, GradientBalancer, Gradients

TASKS = ("depth", "normals", "semseg")


def losses(values: Sequence[float], tasks: Sequence[str] = TASKS) -> dict[str, Tensor]:
    """Name losses by task, as a step shows them."""
    return {task: torch.tensor(value) for task, value in zip(tasks, values, strict=False)}


def gradients(jacobian: Tensor, values: Sequence[float] = (0.5, 1.0, 2.0), seed: int = 0) -> Gradients:
    """Show gradients (K, P) as a step does."""
    rows = jacobian.double()
    count = len(rows)
    generator = torch.Generator().manual_seed(seed)
    return Gradients(
        TASKS[:count], rows @ rows.T, torch.tensor(values[:count]).double(), generator, jacobian.float()
    )


class BalancerContract(ABC):
    """Check a balancer, of losses or of gradients; a subclass says how to make one.

    Example:
        class TestMine(BalancerContract):
            def make(self, tasks):
                return Mine(tasks)
    """

    @abstractmethod
    def make(self, tasks: Sequence[str]) -> Balancer:
        """Construct the balancer."""

    def after(self, steps: int, tasks: Sequence[str] = TASKS) -> Balancer:
        """Construct the balancer and show it some steps in two epochs."""
        torch.manual_seed(0)
        balancer = self.make(tasks)
        for step in range(steps):
            seen = losses([2.0 / (step + 1), 1.0, 0.5 / (step + 1)], tasks)
            balancer.weights({task: balancer.transform(loss) for task, loss in seen.items()})
            numbers = {task: float(loss) for task, loss in seen.items()}
            balancer.after_step(numbers)
            if step % 2:
                balancer.after_epoch(numbers)
        return balancer

    @pytest.mark.parametrize("active", [TASKS, TASKS[:2], TASKS[1:2]])
    def test_weights_the_active_tasks_and_no_other(self, active):
        balancer = self.after(4)
        weights = balancer.weights({task: balancer.transform(torch.tensor(0.7)) for task in active})
        assert set(weights) == set(active)
        assert all(weight.numel() == 1 and torch.isfinite(weight).all() for weight in weights.values())
        assert torch.isfinite(balancer.penalty(active)).all()

    @pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
    def test_losses_of_any_size_stay_finite(self, scale):
        balancer = self.make(TASKS)
        for _ in range(3):
            seen = {task: balancer.transform(loss * scale) for task, loss in losses([0.5, 1.0, 2.0]).items()}
            assert all(torch.isfinite(loss) for loss in seen.values())
            assert all(torch.isfinite(weight).all() for weight in balancer.weights(seen).values())
            balancer.after_step({task: float(loss) for task, loss in seen.items()})

    def test_a_transform_is_differentiable(self):
        loss = torch.tensor(0.7, requires_grad=True)
        self.make(TASKS).transform(loss).backward()
        assert loss.grad is not None and torch.isfinite(loss.grad)

    def test_a_task_that_is_away_for_a_while_comes_back(self):
        balancer = self.after(2)
        for _ in range(3):
            balancer.weights(losses([1.0, 1.0], TASKS[:2]))
            balancer.after_step(dict.fromkeys(TASKS[:2], 1.0))
        balancer.after_epoch(dict.fromkeys(TASKS[:2], 1.0))
        assert set(balancer.weights(losses([1.0, 1.0, 1.0]))) == set(TASKS)

    def test_is_trainable_where_it_says_so(self):
        balancer = self.after(1)
        own = [parameter for parameter in balancer.parameters() if parameter.requires_grad]
        if own:
            seen = losses([0.5, 1.0, 2.0])
            weights = balancer.weights(seen)
            total = sum(weights[task] * loss for task, loss in seen.items()) + balancer.penalty(TASKS)
            total.backward()
            assert all(parameter.grad is not None for parameter in own)

    def test_state_round_trip(self):
        balancer, copy = self.after(4), self.make(TASKS)
        copy.load_state_dict(balancer.state_dict())
        seen = losses([0.5, 1.0, 2.0])
        torch.manual_seed(3)
        expected = balancer.weights(seen)
        torch.manual_seed(3)
        got = copy.weights(seen)
        assert all(torch.equal(expected[task], got[task]) for task in TASKS)

    @pytest.mark.parametrize(
        "rows",
        [
            [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.3, 0.3, -1.0]],
            [[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [1.0, 2.0, 0.0]],
            [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
            [[1e6, 0.0, 0.0], [0.0, 1e-3, 0.0], [0.0, 0.0, 1.0]],
        ],
        ids=["general", "equal", "opposite", "zero", "unequal"],
    )
    def test_gradients_of_any_kind_are_combined(self, rows):
        balancer = self.make(TASKS)
        if not isinstance(balancer, GradientBalancer):
            pytest.skip("it weights losses")
        jacobian = torch.tensor(rows)
        balancer.prepare(jacobian.shape[1])
        for _ in range(3):
            combined = balancer.combine(gradients(jacobian))
            assert combined.shape == (len(rows) if balancer.needs == "gram" else jacobian.shape[1],)
            assert torch.isfinite(combined).all()
            balancer.after_step({"depth": 0.5, "normals": 1.0, "semseg": 2.0})

    def test_combining_is_equal_for_equal_seeds(self):
        first, second = self.make(TASKS), self.make(TASKS)
        if not isinstance(first, GradientBalancer) or not isinstance(second, GradientBalancer):
            pytest.skip("it weights losses")
        jacobian = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
        for balancer in (first, second):
            balancer.prepare(5)
        assert torch.equal(first.combine(gradients(jacobian)), second.combine(gradients(jacobian)))

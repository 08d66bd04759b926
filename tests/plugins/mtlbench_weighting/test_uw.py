import math

import pytest
import torch

from mtlbench_weighting.uw import UW


def _total(balancer, losses):
    weights = balancer.weights({task: loss.detach() for task, loss in losses.items()})
    return sum(weights[task] * loss for task, loss in losses.items()) + balancer.penalty(list(losses))


def test_for_regression_it_is_the_gaussian_likelihood():
    residual, s = 1.7, 0.6
    balancer = UW(("depth",), init=s)
    likelihood = torch.distributions.Normal(0.0, math.exp(s / 2)).log_prob(torch.tensor(residual))
    total = _total(balancer, {"depth": torch.tensor(residual**2)})
    assert total.item() == pytest.approx(-likelihood.item() - math.log(2 * math.pi) / 2, rel=1e-6)


def test_the_minimum_over_log_variances_has_the_closed_form():
    losses = {"semseg": torch.tensor(1.3), "depth": torch.tensor(0.2), "normals": torch.tensor(4.0)}
    balancer = UW(tuple(losses), classification=("semseg",))
    optimiser = torch.optim.SGD(balancer.parameters(), lr=0.5)
    for _ in range(400):
        optimiser.zero_grad()
        _total(balancer, losses).backward()
        optimiser.step()
    found = {task: s.item() for task, s in balancer.log_variance.items()}
    assert found == pytest.approx(
        {"semseg": math.log(2 * 1.3), "depth": math.log(0.2), "normals": math.log(4.0)}, abs=1e-4
    )
    expected = sum(0.5 + s / 2 for s in found.values())
    assert _total(balancer, losses).item() == pytest.approx(expected, rel=1e-5)


def test_at_the_start_the_weights_are_the_factors():
    losses = {"semseg": torch.tensor(1.0), "depth": torch.tensor(1.0)}
    balancer = UW(tuple(losses), classification=("semseg",))
    assert {task: w.item() for task, w in balancer.weights(losses).items()} == {"semseg": 1, "depth": 0.5}
    assert balancer.penalty(list(losses)) == 0


def test_losses_get_their_weight_as_gradient():
    loss = torch.tensor(2.0, requires_grad=True)
    balancer = UW(("depth",), init=1.0)
    _total(balancer, {"depth": loss}).backward()
    assert loss.grad.item() == pytest.approx(math.exp(-1) / 2)


def test_an_inactive_task_keeps_its_state_under_adam():
    balancer = UW(("semseg", "depth"))
    optimiser = torch.optim.AdamW(balancer.parameters(), lr=0.1)
    losses = {"semseg": torch.tensor(3.0), "depth": torch.tensor(3.0)}
    for active in (losses, {"semseg": losses["semseg"]}):
        before = balancer.log_variance["depth"].item()
        optimiser.zero_grad()
        _total(balancer, active).backward()
        optimiser.step()
    assert balancer.log_variance["depth"].item() == before != 0
    assert balancer.log_variance["semseg"].item() > before

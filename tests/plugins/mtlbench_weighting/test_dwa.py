from __future__ import annotations

import numpy as np
import pytest
import torch

from mtlbench_weighting.dwa import DWA

TASKS = ("semseg", "depth", "normals")


def losses_of(epochs: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.exp(-np.array([0.1, 0.5, 0.02]) * np.arange(epochs)[:, None]) * rng.uniform(0.5, 2, (epochs, 3))


def see(balancer: DWA, epoch: np.ndarray) -> list[float]:
    """Show the mean losses of an epoch, of which NaN is none; return the weights after it."""
    balancer.after_epoch({t: x for t, x in zip(TASKS, epoch.tolist(), strict=True) if x == x})
    ones = {task: torch.ones((), dtype=torch.float64) for task in TASKS}
    return [weight.item() for weight in balancer.weights(ones).values()]


@pytest.mark.parametrize("temperature", [2.0, 0.7])
def test_ten_epochs_follow_the_equation(temperature):
    losses, balancer = losses_of(10), DWA(TASKS, temperature)
    found = [see(balancer, epoch) for epoch in losses]
    assert found[0] == [1, 1, 1]  # so the first two epochs are trained with ones
    expected = np.exp(losses[1:] / losses[:-1] / temperature)
    expected *= 3 / expected.sum(1, keepdims=True)
    np.testing.assert_allclose(found[1:], expected, rtol=1e-12)
    assert np.ptp(found[1:], axis=1).min() > 0.01


def test_an_absent_task_keeps_its_weight_and_its_history():
    losses, balancer = losses_of(6), DWA(TASKS)
    losses[2:4, 1] = np.nan
    found = [see(balancer, epoch) for epoch in losses]
    assert found[3][1] == found[2][1] == found[1][1] != 1
    two = np.exp(losses[3, [0, 2]] / losses[2, [0, 2]] / 2)
    np.testing.assert_allclose([found[3][0], found[3][2]], 2 * two / two.sum(), rtol=1e-12)
    rates = np.exp(losses[4] / [losses[3, 0], losses[1, 1], losses[3, 2]] / 2)
    np.testing.assert_allclose(found[4], 3 * rates / rates.sum(), rtol=1e-12)


def test_a_task_that_comes_late_has_weight_one_until_it_has_two_epochs():
    losses, balancer = losses_of(4), DWA(TASKS)
    losses[:2, 2] = np.nan
    assert [see(balancer, epoch)[2] for epoch in losses[:3]] == [1, 1, 1]
    assert see(balancer, losses[3])[2] != 1


def test_a_loss_of_zero_or_an_explosion_leaves_weights_finite():
    balancer = DWA(TASKS)
    for losses in ([1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1e30], [1.0, 0.0, 1.0]):
        weights = see(balancer, np.array(losses))
        assert np.isfinite(weights).all() and sum(weights) == pytest.approx(3)


def test_a_copy_from_a_saved_state_goes_on_bit_for_bit():
    losses, whole, cut = losses_of(6), DWA(TASKS), DWA(TASKS)
    expected = [see(whole, epoch) for epoch in losses]
    for epoch in losses[:3]:
        see(cut, epoch)
    resumed = DWA(TASKS)
    resumed.load_state_dict(cut.state_dict())
    see(cut, losses[0])  # the copy is one's own
    assert [see(resumed, epoch) for epoch in losses[3:]] == expected[3:]

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from mtlbench.engine.work_dir import run_log
from mtlbench_mtcp.lps import LPS

TASKS = ("semseg", "depth", "normals")


def losses_of(epochs: int, steps: int = 3) -> np.ndarray:
    """Return losses (epoch, step, task) that fall at three paces, with noise."""
    rng = np.random.default_rng(0)
    start, pace = np.array([2.5, 0.9, 0.35]), np.array([0.2, 0.5, 0.05])
    falling = start * np.exp(-pace * np.arange(epochs)[:, None, None])
    return falling * rng.uniform(0.8, 1.2, (epochs, steps, 3))


def see(balancer: LPS, epoch: np.ndarray) -> dict[str, float]:
    """Show an epoch (step, task) to the balancer; NaN is no loss. Return the weights after it."""
    for step in epoch:
        balancer.after_step({t: x for t, x in zip(TASKS, step.tolist(), strict=True) if x == x})
    balancer.after_epoch({})
    ones = {task: torch.ones((), dtype=torch.float64) for task in TASKS}
    return {task: weight.item() for task, weight in balancer.weights(ones).items()}


def rewritten(losses: np.ndarray, k: float, floor: float) -> np.ndarray:
    """Return the weights (epoch, task) that hold after each epoch, task by task from arrays with gaps."""
    scaled = np.nanmean(np.log(losses + 1 + 1e-6), axis=1)  # (epoch, task), NaN without a loss
    weight, found = np.ones(3), []
    for e, now in enumerate(scaled):
        if e == 0:
            weight = np.where(np.isnan(now), weight, np.nansum(now) / now)
        else:
            before = np.array(
                [next((x for x in scaled[:e, t][::-1] if not np.isnan(x)), np.nan) for t in range(3)]
            )
            use = ~np.isnan(now) & ~np.isnan(before)
            r = (now / before)[use] * before[use].sum() / now[use].sum()
            new = weight.copy()
            new[use] = r.mean() + k * (r - r.mean())
            weight = new
        weight = np.maximum(weight, floor)
        found.append(weight)
    return np.array(found)


GAPS = {
    "none": [],
    "middle": [(3, 1), (4, 1), (7, 0)],
    "late": [(0, 2), (1, 2)],
    "all": [(5, 0), (5, 1), (5, 2)],
}


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("gaps", GAPS.values(), ids=GAPS)
@pytest.mark.parametrize("min_weight", [None, 0.25])
def test_ten_epochs_follow_the_rule(min_weight, gaps):
    losses = losses_of(10)
    for epoch, task in gaps:
        losses[epoch, :, task] = np.nan
    losses[6, 1, 2] = np.nan  # absent from one step only
    balancer = LPS(TASKS, spread=7.5, min_weight=min_weight)
    found = np.array([list(see(balancer, epoch).values()) for epoch in losses])
    floor = -np.inf if min_weight is None else min_weight
    np.testing.assert_allclose(found, rewritten(losses, 7.5, floor), rtol=1e-12)
    assert found.min() < 0 if min_weight is None else found.min() == 0.25


def test_weights_are_ones_in_the_first_epoch_and_inverse_shares_in_the_second():
    balancer = LPS(TASKS)
    assert {w.item() for w in balancer.weights(dict.fromkeys(TASKS, torch.tensor(3.0))).values()} == {1.0}
    losses = losses_of(1)
    weights = see(balancer, losses[0])
    scaled = np.log(losses[0] + 1 + 1e-6).mean(0)
    assert weights["normals"] > weights["depth"] > weights["semseg"] > 1
    np.testing.assert_allclose(scaled * list(weights.values()), scaled.sum(), rtol=1e-12)


def test_the_task_that_falls_most_slowly_counts_most_and_weights_are_one_on_average():
    balancer = LPS(TASKS, spread=1.6)
    for losses in ([4.0, 4.0, 4.0], [3.0, 2.0, 3.9]):
        weights = see(balancer, np.array([losses]))
    assert weights["normals"] > weights["semseg"] > weights["depth"]
    assert sum(weights.values()) / 3 == pytest.approx(1, abs=1e-12)  # as the first epoch's losses are equal


def test_losses_of_one_task_alone_are_not_reweighted():
    balancer = LPS(("depth",))
    for loss in (3.0, 0.0, 0.5):
        balancer.after_step({"depth": loss})
        balancer.after_epoch({"depth": loss})
        assert balancer.weight.item() == 1.0


def test_the_scale_is_the_logarithm_and_differentiable():
    loss = torch.tensor([0.0, 0.5, 20.0], dtype=torch.float64, requires_grad=True)
    scaled = LPS(TASKS, eps=1e-3).transform(loss)
    np.testing.assert_allclose(scaled.detach(), np.log(loss.detach().numpy() + 1 + 1e-3), rtol=1e-12)
    scaled.sum().backward()
    np.testing.assert_allclose(loss.grad, 1 / (loss.detach() + 1 + 1e-3), rtol=1e-12)


def test_a_negative_weight_is_logged_once_an_epoch_in_the_log_of_the_run(tmp_path):
    balancer, floored = LPS(TASKS), LPS(TASKS, min_weight=0)
    epochs = np.array([[1.0, 1.0, 1.0], [0.9, 0.9, 0.2], [0.85, 0.84, 0.19], [0.2, 0.8, 0.18]])
    with run_log(tmp_path / "train.log"):
        weights = [see(balancer, losses[None]) for losses in epochs]
        assert all(min(see(floored, losses[None]).values()) >= 0 for losses in epochs)
    lines = iter((tmp_path / "train.log").read_text().splitlines())
    negative = [{task: x for task, x in weight.items() if x < 0} for weight in weights]
    assert [[*found] for found in negative] == [[], ["normals"], [], ["semseg"]]
    for epoch in (1, 3):
        ((task, weight),) = negative[epoch].items()
        line = next(lines)
        assert f"WARNING In epoch {epoch + 2}, counted from 1, the balancer lps weights" in line
        assert f" the loss of {task} by {weight:.3g}: " in line and "min_weight" in line
    assert not [*lines]


@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_copy_from_a_saved_state_goes_on_bit_for_bit(at):
    losses = losses_of(8)
    whole, cut = LPS(TASKS), LPS(TASKS)
    expected = [see(whole, epoch) for epoch in losses]
    for epoch in losses[:at]:
        see(cut, epoch)
    cut.after_step(dict(zip(TASKS, losses[at, 0].tolist(), strict=True)))  # in the middle of an epoch
    file = io.BytesIO()
    torch.save(cut.state_dict(), file)
    file.seek(0)
    resumed = LPS(TASKS)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    cut.after_step(dict.fromkeys(TASKS, 9.0))  # the saved state is one's own
    found = [see(resumed, losses[at, 1:]), *(see(resumed, epoch) for epoch in losses[at + 1 :])]
    assert found == expected[at:]

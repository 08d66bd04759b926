import torch

from mtlbench_weighting.equal import Equal


def test_the_total_is_the_sum_over_active_tasks():
    losses = {"semseg": torch.tensor(2.0), "depth": torch.tensor(0.5)}
    balancer = Equal(tasks=("semseg", "depth", "edge"))
    weights = balancer.weights(losses)
    assert set(weights) == set(losses)
    assert sum(weights[task] * loss for task, loss in losses.items()) + balancer.penalty(list(losses)) == 2.5
    assert not list(balancer.parameters())

"""Batch norms are estimated anew for the network that is evaluated."""

import torch
from torch import nn

from mtlbench.engine.evaluation import recalibrate


class Net(nn.Module):
    """Pass images through a dropout that only trains, and a batch norm."""

    def __init__(self):
        super().__init__()
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm2d(3)

    def predict(self, inputs):
        return self.norm(self.drop(inputs))


def test_statistics_are_the_means_over_the_batches_of_the_evaluated_network():
    net = Net()
    net.norm.running_mean.fill_(7.0)
    batches = [{"inputs": torch.randn(4, 3, 5, 6) * scale + scale} for scale in (1.0, 2.0, 4.0)]
    weights = [parameter.clone() for parameter in net.parameters()]
    recalibrate(net, iter(batches), 2)
    seen = [batch["inputs"] for batch in batches[:2]]
    means = torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0)
    variances = torch.stack([x.transpose(0, 1).flatten(1).var(1) for x in seen]).mean(0)
    torch.testing.assert_close(net.norm.running_mean, means)
    torch.testing.assert_close(net.norm.running_var, variances)
    assert not net.training and not net.norm.training and net.norm.momentum == 0.1
    assert all(torch.equal(a, b) for a, b in zip(weights, net.parameters(), strict=True))


def test_more_batches_than_there_are_end_with_the_last():
    net = Net()
    recalibrate(net, iter([{"inputs": torch.full((2, 3, 1, 1), 3.0)}]), 5)
    torch.testing.assert_close(net.norm.running_mean, torch.full((3,), 3.0))

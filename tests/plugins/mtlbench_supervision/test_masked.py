import torch

from mtlbench.contracts.learner import Step
from mtlbench_supervision.masked import Masked


def test_it_adds_no_loss_and_no_parameter():
    learner = Masked(tasks={}, channels=(4, 8, 16, 32))
    step = Step(torch.zeros(1, 3, 8, 8), [], {}, {}, {}, lambda image: ([], {}))
    assert learner.extra(step) == {}
    assert not list(learner.parameters())

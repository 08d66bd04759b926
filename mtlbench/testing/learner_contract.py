"""The properties that every learner must have; subclass in a plugin's tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.learner import Learner, Step
from mtlbench.contracts.task import Task
from mtlbench.testing.labels import labels_of, outputs_of, void_like
from mtlbench.testing.tiny_tasks import TinyDepth, TinyNormals, TinySegmentation

CHANNELS = (4, 6, 8, 10)
SIZE = (32, 48)
TASKS: Mapping[str, Task] = {"depth": TinyDepth(), "normals": TinyNormals(), "semseg": TinySegmentation()}
#: which of the images have a label
LABELLED = {"depth": (True, False), "normals": (False, True), "semseg": (True, True)}


class LearnerContract(ABC):
    """Check a learner; a subclass says how to make one.

    Example:
        class TestMine(LearnerContract):
            def make(self, tasks, channels):
                return Mine(tasks, channels)
    """

    @abstractmethod
    def make(self, tasks: Mapping[str, Task], channels: Sequence[int]) -> Learner:
        """Construct the learner, small enough for a test on one core."""

    def seeded(self, seed: int = 0) -> Learner:
        """Construct the learner with reproducible parameters."""
        torch.manual_seed(seed)
        return self.make(TASKS, CHANNELS)

    def test_losses_are_finite_scalars_that_reach_network_or_learner(self):
        learner, (step, network) = self.seeded(), make_step()
        losses = run(learner, step)
        assert all(loss.dim() == 0 and torch.isfinite(loss) for loss in losses.values())
        if losses:
            sum(losses.values()).backward()
            reached = [*network.parameters(), *learner.parameters()]
            assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in reached)

    def test_images_with_every_label_and_with_none_are_taken(self):
        for having in (True, False):
            labelled = dict.fromkeys(TASKS, (having, having))
            losses = run(self.seeded(), make_step(labelled)[0])
            assert all(torch.isfinite(loss) for loss in losses.values())

    def test_what_is_hidden_is_not_looked_at(self):
        first, second = (run(self.seeded(), make_step(seed=seed)[0]) for seed in (1, 2))
        assert first.keys() == second.keys()
        for name, loss in first.items():
            torch.testing.assert_close(loss, second[name])

    def test_equal_seeds_give_equal_losses(self):
        first, second = (run(self.seeded(), make_step()[0]) for _ in range(2))
        assert all(torch.equal(first[name], second[name]) for name in first)

    def test_state_round_trip(self):
        learner, copy = self.seeded(1), self.seeded(2)
        copy.load_state_dict(learner.state_dict())
        first, second = run(learner, make_step()[0]), run(copy, make_step()[0])
        assert all(torch.equal(first[name], second[name]) for name in first)

    def test_one_task_alone_is_taken(self):
        torch.manual_seed(0)
        learner = self.make({"semseg": TASKS["semseg"]}, CHANNELS)
        step, _ = make_step(tasks=("semseg",))
        assert all(torch.isfinite(loss) for loss in run(learner, step).values())


def run(learner: Learner, step: Step) -> dict[str, Tensor]:
    """Return what a learner adds in the first of ten training steps."""
    learner.train()
    learner.before_step(0, 10)
    torch.manual_seed(5)
    return learner.extra(step)


class Network(nn.Module):
    """A network of one layer per level and task."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tasks
        self.stem = nn.ModuleList(nn.Conv2d(3, width, 1) for width in CHANNELS)
        self.heads = nn.ModuleDict({task: nn.Conv2d(3, TASKS[task].channels, 3, padding=1) for task in tasks})

    def forward(self, image: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Return four levels (1, B, C, h, w) and raw outputs (B, C_t, H, W)."""
        levels = [
            conv(nn.functional.avg_pool2d(image, stride))[None]
            for conv, stride in zip(self.stem, (4, 8, 16, 16), strict=True)
        ]
        return levels, {task: self.heads[task](image) for task in self.tasks}


def make_step(
    labelled: Mapping[str, Sequence[bool]] = LABELLED, seed: int = 1, tasks: Sequence[str] = tuple(TASKS)
) -> tuple[Step, nn.Module]:
    """Return one step of two images, and the network that its outputs come from.

    Args:
        labelled: task -> which images have its label; what the others are drawn as is void.
        seed: of labels that are then hidden: nothing of it may be seen.
        tasks: names, among those of `TASKS`.
    """
    torch.manual_seed(0)
    network = Network(tasks)
    inputs = torch.randint(0, 256, (2, 3, *SIZE), dtype=torch.uint8)
    image = inputs.float() / 128 - 1
    levels, outputs = network(image)
    has = {task: torch.tensor(labelled[task]) for task in tasks}
    labels = {}
    for task in tasks:
        drawn = labels_of(TASKS[task], 2, SIZE, seed=7)
        hidden = void_like(TASKS[task], labels_of(TASKS[task], 2, SIZE, seed=seed))
        labels[task] = torch.where(has[task].view(-1, *[1] * (drawn.dim() - 1)), drawn, hidden)
    assert all(outputs[task].shape == outputs_of(TASKS[task], 2, SIZE).shape for task in tasks)
    return Step(image, levels, outputs, labels, has, network, inputs), network

"""Time a training step of every learner for 3 to 12 tasks, beside one that adds nothing.

Run: python benchmarks/learners.py [rounds]

Every image has labels of half of the tasks, which gives most pairs; the network is a small convolutional
one, so that the learner is most of the cost. Twelve tasks are six kinds twice: from six to twelve a cost that
is linear in T doubles, and one that is quadratic grows fourfold. The order of what a learner adds is log2
of its growth.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from statistics import median
from time import process_time

import torch
from torch import Tensor, nn

from mtlbench.contracts.learner import Learner, Step
from mtlbench.contracts.task import Task
from mtlbench_learners.jtr import JTR
from mtlbench_learners.mtpsl import MTPSL
from mtlbench_learners.ss_consistency import SSConsistency
from mtlbench_learners.xtc_direct import XTCDirect
from mtlbench_learners.xtc_perceptual import XTCPerceptual
from mtlbench_supervision.masked import Masked
from mtlbench_tasks.depth import Depth
from mtlbench_tasks.edge import Edge
from mtlbench_tasks.normals import Normals
from mtlbench_tasks.regression import Regression
from mtlbench_tasks.saliency import Saliency
from mtlbench_tasks.semseg import SemSeg

BATCH, SIZE, CHANNELS = 12, (96, 128), (16, 16, 32, 32)
NUMBERS = (3, 6, 12)
LEARNERS = (Masked, SSConsistency, XTCDirect, XTCPerceptual, MTPSL, JTR)


def all_tasks(number: int) -> dict[str, Task]:
    """Return that many tasks of six kinds in turn."""
    kinds = (SemSeg(14), Depth(), Normals(), Edge(), Saliency(), Regression(3))
    return {f"task{t}": kinds[t % len(kinds)] for t in range(number)}


class Network(nn.Module):
    """Predict every task from one convolution, and yield four levels."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, CHANNELS[0], 4, stride=4)
        widths = zip([CHANNELS[0], *CHANNELS], CHANNELS, strict=False)
        self.levels = nn.ModuleList(
            nn.Conv2d(i, o, 1 if k == 0 else 2, 1 if k == 0 else 2) for k, (i, o) in enumerate(widths)
        )
        self.heads = nn.ModuleDict({name: nn.Conv2d(CHANNELS[0], t.channels, 1) for name, t in tasks.items()})

    def forward(self, image: Tensor) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Return levels and outputs of the image's size."""
        x = self.trunk(image).relu()
        outputs = {
            name: nn.functional.interpolate(head(x), image.shape[-2:], mode="bilinear")
            for name, head in self.heads.items()
        }
        levels = []
        for level in self.levels:
            x = level(x).relu()
            levels.append(x[None])
        return levels, outputs


def make_labels(tasks: Mapping[str, Task]) -> dict[str, Tensor]:
    """Return labels of every image."""
    makers = {
        "classes": lambda task: torch.randint(max(2, task.channels), (BATCH, *SIZE), dtype=torch.uint8),
        "scalar": lambda task: 1 + torch.rand(BATCH, *SIZE),
        "vector": lambda task: nn.functional.normalize(torch.randn(BATCH, 3, *SIZE), dim=1),
        "image": lambda task: torch.rand(BATCH, task.channels, *SIZE),
    }
    return {name: makers[task.label_kind](task) for name, task in tasks.items()}


def seconds(kind: type[Learner], tasks: Mapping[str, Task], rounds: int) -> float:
    """Return the median CPU time of the forward and backward pass of a step."""
    torch.manual_seed(0)
    network, learner = Network(tasks), kind(tasks, CHANNELS)
    inputs = torch.randint(256, (BATCH, 3, *SIZE), dtype=torch.uint8)
    labels, image = make_labels(tasks), inputs / 128 - 1
    turn, half = torch.arange(BATCH), len(tasks) // 2
    labelled = {name: (turn + t) % len(tasks) < half for t, name in enumerate(tasks)}
    times = []
    for _ in range(rounds):
        start = process_time()
        levels, outputs = network(image)
        losses = [task.loss(outputs[n][labelled[n]], labels[n][labelled[n]])[0] for n, task in tasks.items()]
        step = Step(image, levels, outputs, labels, labelled, network, inputs)
        torch.stack([*losses, *learner.extra(step).values()]).sum().backward()
        times.append(process_time() - start)
    return median(times)


def main(rounds: int = 5) -> None:
    """Print milliseconds by learner and number of tasks, and the order of what it adds from 6 to 12."""
    torch.set_num_threads(1)
    print("".join([f"{'':16}", *(f"{f'T = {n}':>10}" for n in NUMBERS), "  order of what is added"]))
    pairs = [number // 2 * (number - number // 2) for number in NUMBERS]
    print("".join([f"{'pairs per image':16}", *(f"{n:10}" for n in pairs)]))
    plain: list[float] = []
    for kind in LEARNERS:
        times = [seconds(kind, all_tasks(number), rounds) for number in NUMBERS]
        plain = plain or times
        *_, six, twelve = (own - without for own, without in zip(times, plain, strict=True))
        order = f"{math.log2(twelve / six):.1f}" if kind is not Masked else ""
        print("".join([f"{kind.__name__:16}", *(f"{1e3 * t:7.0f} ms" for t in times), f"  {order}"]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

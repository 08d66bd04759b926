"""Time the training step under gradient balancers, in every mode, against plain ways to take it.

A step is forward, backward, combination and AdamW for LoRA (r = 8) on a ViT of 12 blocks with the decoder
`hrnet` and four tasks, in float32 on one thread. All modes take turns on one model in one process; printed
are medians of CPU time, and their ratios to the equal-weight step. `T plain backwards` is what a script would
do: one `autograd.grad` per task by all parameters, summed. Memory is the high-water mark of a process of its
own, above what model and images take::

    python benchmarks/balancers.py --rounds 7

The last table times what turns inner products into weights, against forming and applying them: J J^T in
float64 and a^T J, for the step's own J.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from mtlbench.contracts.balancer import Gradients
from mtlbench.engine.experiment import combine_gradients
from mtlbench.engine.freezing import attach, optimizer_groups
from mtlbench.engine.model import MultiTaskModel
from mtlbench.engine.optim import BalancedOptimWrapper
from mtlbench.plugin import Catalog
from mtlbench_hrnet.decoder import HRNet
from mtlbench_lora.adapter import LoRA
from mtlbench_supervision.masked import Masked
from mtlbench_tasks.depth import Depth
from mtlbench_tasks.normals import Normals
from mtlbench_tasks.saliency import Saliency
from mtlbench_tasks.semseg import SemSeg
from mtlbench_timm.backbone import Timm

#: bytes of the unit that `ru_maxrss` counts in
UNIT = 1 if sys.platform == "darwin" else 1024
RULES = ("pcgrad", "mgda", "cagrad", "nash", "upgrad", "imtl-g", "aligned", "fairgrad", "db-mtl")
SOLVERS = ("mgda", "nash", "cagrad", "upgrad", "imtl-g", "aligned", "fairgrad", "pcgrad", "conicgrad")
BETWEEN = "cagrad, between combinations"


class Bench:
    """Hold one model, one batch, and a function per mode that takes a step."""

    def __init__(self, name: str, size: int, batch: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.size = (size, size)
        tasks = {"semseg": SemSeg(classes=21), "depth": Depth(), "normals": Normals(), "saliency": Saliency()}
        backbone = Timm(name, pretrained=False, image_size=self.size)
        adapter = LoRA(tasks=tuple(tasks), rank=8)
        injected = attach(adapter, backbone)
        outputs = {task: value.channels for task, value in tasks.items()}
        self.model = MultiTaskModel(
            tasks,
            backbone,
            adapter,
            HRNet(outputs, backbone.channels),
            self.balancer("equal", tasks),
            Masked(tasks, backbone.channels),
            injected,
        ).train()
        self.optimizer = torch.optim.AdamW(optimizer_groups(self.model, 0.0), lr=1e-4, fused=True)
        self.data = {
            "inputs": torch.randint(0, 256, (batch, 3, *self.size), dtype=torch.uint8),
            "labels": {
                "semseg": torch.randint(0, 21, (batch, *self.size), dtype=torch.uint8),
                "depth": 1 + torch.rand(batch, *self.size),
                "normals": nn.functional.normalize(torch.randn(batch, 3, *self.size), dim=1),
                "saliency": torch.randint(0, 2, (batch, *self.size), dtype=torch.uint8),
            },
            "labelled": {task: torch.ones(batch, dtype=torch.bool) for task in tasks},
            "ids": [str(i) for i in range(batch)],
        }

    def balancer(self, name: str, tasks: Any = None, **options: Any) -> Any:
        """Build a balancer."""
        return Catalog.load().resolve("balancer", name)(tuple(tasks or self.model.tasks), **options)

    def engine(self, name: str, **options: Any) -> Callable[[], Any]:
        """Return a step as a run takes it."""
        between = options.pop("between", False)
        self.model.balancer = balancer = self.balancer(name, **options)
        combination = combine_gradients(self.model, self.size)
        if combination:
            combination.prepare()
        wrapper = BalancedOptimWrapper(self.optimizer, self.model, combination=combination)

        def step() -> None:
            self.model.balancer = balancer
            if between:
                balancer.age.fill_(1)
                balancer.alpha.fill_(0.25)
            self.model.train_step(self.data, wrapper)

        return step

    def forward(self) -> None:
        """Run forward alone, with its graph."""
        self.model(**self.data, mode="loss")

    def plain(self) -> None:
        """Take one backward pass per task, sum, and step, as a script would."""
        losses = self.model(**self.data, mode="loss").active
        trained = [p for p in self.model.parameters() if p.requires_grad]
        for loss in losses.values():
            found = torch.autograd.grad(loss, trained, retain_graph=True, allow_unused=True)
            for parameter, gradient in zip(trained, found, strict=True):
                if gradient is not None:
                    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def jacobian(self) -> Tensor:
        """Return the gradients of all tasks by what they share (T, P)."""
        losses = self.model(**self.data, mode="loss").active
        trained = [p for n, p in self.model.named_parameters() if p.requires_grad and "backbone" in n]
        rows = [torch.autograd.grad(loss, trained, retain_graph=True) for loss in losses.values()]
        return torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])


#: mode -> what builds its step
MODES: dict[str, Callable[[Bench], Callable[[], Any]]] = {
    "equal": lambda bench: bench.engine("equal"),
    "forward alone": lambda bench: bench.forward,
    "T plain backwards": lambda bench: bench.plain,
    **{rule: lambda bench, rule=rule: bench.engine(rule) for rule in RULES},  # type: ignore[misc]
    "cagrad, scope last-blocks": lambda bench: bench.engine("cagrad", scope="last-blocks"),
    "cagrad, scope representation": lambda bench: bench.engine("cagrad", scope="representation"),
    BETWEEN: lambda bench: bench.engine("cagrad", every=10, between=True),
}


def peak() -> float:
    """Return the high-water mark of this process's resident memory, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 2**20


def memory(name: str, size: int, batch: int, mode: str) -> float:
    """Return what a mode and two steps take at their height, in MiB."""
    bench = Bench(name, size, batch)
    before = peak()
    step = MODES[mode](bench)
    for _ in range(2):
        step()
    return peak() - before


def seconds(step: Callable[[], Any]) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    step()
    return time.process_time() - start


def times(bench: Bench, rounds: int, wanted: list[str]) -> dict[str, float]:
    """Return mode -> median seconds, all modes taking turns."""
    steps = {name: MODES[name](bench) for name in wanted}
    found: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            took = seconds(step)
            if turn:  # the first warms up
                found[name].append(took)
    return {name: median(values) for name, values in found.items()}


def solve(bench: Bench, rounds: int) -> dict[str, float]:
    """Return rule -> median time of its weights, over that of inner products and combination."""
    rows = bench.jacobian()
    gram, losses = rows.double() @ rows.double().T, torch.ones(len(rows), dtype=torch.float64)
    alpha = torch.full((len(rows),), 0.25)
    around = median(seconds(lambda: (rows.double() @ rows.double().T, alpha @ rows)) for _ in range(rounds))
    print(f"\nP = {rows.shape[1]}: inner products and combination {around * 1e3:.1f} ms")
    found = {}
    for name in SOLVERS:
        balancer, generator = bench.balancer(name), torch.Generator()
        step = Gradients(balancer.tasks, gram, losses, generator)
        found[name] = median(seconds(lambda b=balancer, s=step: b.combine(s)) for _ in range(rounds)) / around
    return found


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="vit_small_patch16_224")
    parser.add_argument("--size", type=int, default=224, help="height and width of images")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--modes", nargs="*", default=[*MODES], help="of the first table; all by default")
    options = parser.parse_args()
    about = (options.backbone, options.size, options.batch)
    # before this process grows: what a process starts with counts towards its high-water mark
    height = {mode: _apart(memory, (*about, mode)) for mode in options.modes}
    bench = Bench(*about)
    found = times(bench, options.rounds, options.modes)
    first, lines = next(iter(found)), []
    for name, took in found.items():
        shares = f"{took / found[first]:5.2f} of time, {height[name] / height[first]:5.2f} of memory"
        lines.append(f"{name:30} {took:6.2f} s {height[name]:5.0f} MiB  {shares}")
    if BETWEEN in found and "cagrad" in found:
        mean = (found["cagrad"] + 9 * found[BETWEEN]) / 10
        lines.append(
            f"{'cagrad, every=10 (mean)':30} {mean:6.2f} s            {mean / found[first]:5.2f} of time"
        )
    print("\n".join(lines))
    for name, ratio in solve(bench, 4 * options.rounds).items():
        print(f"{name:30} {ratio:5.3f}")


def _apart(call: Callable[..., float], arguments: tuple[Any, ...]) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(call, arguments)


if __name__ == "__main__":
    main()

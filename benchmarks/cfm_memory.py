"""Compare the affinity of MT-CP's CFM with its dense form: peak memory and time of forward and backward.

Every run has a process of its own, which tells its high-water mark of resident memory. Forms take turns, on
equal inputs like those of the CFM (after batch norm and ReLU), in float32 on one core::

    python benchmarks/cfm_memory.py --size 120 160 --tasks 1 3

Prints, per number of tasks, the least memory (beside the arguments) and CPU time of both forms, their ratios,
and by how much outputs and gradients differ, relative to their largest element. The dense form goes task by
task.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mtlbench_mtcp.attention import attend

#: bytes of the unit that `ru_maxrss` counts in
UNIT = 1 if sys.platform == "darwin" else 1024


class Cost(NamedTuple):
    """Hold what one form took."""

    mib: float
    seconds: float


def dense(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Form the whole matrix, for one task after another."""
    tasks = zip(query, key, value, strict=True)
    return torch.stack([torch.softmax(theta @ phi.T, -1) @ features for theta, phi, features in tasks])


FORMS = {"dense": dense, "ours": attend}


def peak() -> float:
    """Return the high-water mark of this process's resident memory, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 2**20


def measure(form: str, tasks: int, pixels: int, width: int, results: str) -> Cost:
    """Run one form, forward and backward, and save its output and gradients."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    query, key = (torch.randn(tasks, pixels, 2 * width).relu_().requires_grad_() for _ in range(2))
    value = torch.randn(tasks, pixels, width, requires_grad=True)
    gradient = torch.randn(tasks, pixels, width)
    before, start = peak(), time.process_time()
    output = FORMS[form](query, key, value)
    gradients = torch.autograd.grad(output, (query, key, value), gradient)
    cost = Cost(peak() - before, time.process_time() - start)
    torch.save([output.detach(), *gradients], results)
    return cost


def main() -> None:
    """Measure both forms, and print costs, ratios and differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=(120, 160), help="of the features, in pixels")
    parser.add_argument(
        "--width", type=int, default=256, help="channels of values; queries and keys have twice"
    )
    parser.add_argument("--tasks", type=int, nargs="+", default=(1, 3))
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    pixels = options.size[0] * options.size[1]
    for tasks in options.tasks:
        with tempfile.TemporaryDirectory() as folder:
            costs: dict[str, list[Cost]] = {form: [] for form in FORMS}
            for _, form in product(range(options.rounds), FORMS):
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    arguments = (form, tasks, pixels, options.width, str(Path(folder) / form))
                    costs[form].append(pool.apply(measure, arguments))
            results = zip(*(torch.load(Path(folder) / form) for form in FORMS), strict=True)
            error = max(((a - b).abs().max() / a.abs().max()).item() for a, b in results)
        least = {form: Cost(*map(min, zip(*rounds, strict=True))) for form, rounds in costs.items()}
        for form, cost in least.items():
            print(f"{tasks} task(s), {form:5}: {cost.mib:6.0f} MiB, {cost.seconds:6.1f} s")
        memory, seconds = (ours / theirs for ours, theirs in zip(least["ours"], least["dense"], strict=True))
        print(f"{tasks} task(s), ratio: memory {memory:.3f}, time {seconds:.2f}; equal to {error:.0e}")


if __name__ == "__main__":
    main()

"""Compare what a training step costs under `side-branch` and under adapters inside the backbone.

A step is one forward and backward pass of Swin-T with the decoder `hrnet` and four tasks, in float32 on one
core. Every run has a process of its own, which tells its high-water mark of resident memory::

    python benchmarks/side_memory.py --size 448 --batch 4

Prints, per adapter, the least of `--rounds` runs: memory that the step took beside model and images, and CPU
time; and both as shares of the first adapter's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from itertools import product
from typing import NamedTuple

import torch

from mtlbench.engine.freezing import attach
from mtlbench.plugin import Catalog
from mtlbench_hrnet.decoder import HRNet
from mtlbench_timm.backbone import Timm

#: bytes of the unit that `ru_maxrss` counts in
UNIT = 1 if sys.platform == "darwin" else 1024
OUTPUTS = {"semseg": 21, "human_parts": 7, "saliency": 1, "normals": 3}
ADAPTERS = ("lora", "mtlora", "side-branch", "frozen")


class Cost(NamedTuple):
    """Hold what one step took."""

    mib: float
    seconds: float


def peak() -> float:
    """Return the high-water mark of this process's resident memory, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 2**20


def measure(name: str, size: int, batch: int) -> Cost:
    """Take one step with an adapter of default options."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(size, size))
    attach(Catalog.load().resolve("adapter", name)(tasks=tuple(OUTPUTS)), backbone)
    decoder = HRNet(OUTPUTS, backbone.channels)
    images = torch.randn(batch, 3, size, size)
    before, start = peak(), time.process_time()
    maps = decoder(backbone(images)).maps
    torch.stack([output.square().mean() for output in maps.values()]).sum().backward()
    return Cost(peak() - before, time.process_time() - start)


def main() -> None:
    """Measure every adapter, and print costs and shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=448, help="height and width of images")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--adapters", nargs="+", default=ADAPTERS)
    options = parser.parse_args()
    costs: dict[str, list[Cost]] = {name: [] for name in options.adapters}
    for _, name in product(range(options.rounds), options.adapters):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            costs[name].append(pool.apply(measure, (name, options.size, options.batch)))
    least = {name: Cost(*map(min, zip(*rounds, strict=True))) for name, rounds in costs.items()}
    first = next(iter(least.values()))
    for name, cost in least.items():
        shares = f"{cost.mib / first.mib:.2f} of memory, {cost.seconds / first.seconds:.2f} of time"
        print(f"{name:12} {cost.mib:6.0f} MiB {cost.seconds:6.1f} s   {shares}")


if __name__ == "__main__":
    main()

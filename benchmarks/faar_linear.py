"""Time a FAAR layer against its plain form: one dense O x I matrix per task and step.

Both forms get equal weights, inputs and ranks, and are checked to agree before they are timed, interleaved::

    python benchmarks/faar_linear.py --inputs 96 --outputs 384 --tokens 6272 --rank 64

Prints the ratio factored / dense of the median forward + backward, with the input shared and fanned out, at
the full rank, with nested ranks drawn as in training, and after shrinking to rank 8.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_faar.linear import NestedDoRA


def dense(layer: NestedDoRA, x: Tensor) -> Tensor:
    """Follow the definition stream by stream, with masked ranks as in nested training."""
    weight = layer.frozen.weight
    norm = weight.norm(dim=1)
    base = F.linear(x[0], weight, layer.frozen.bias)
    streams = []
    in_use = layer.drawn or layer.ranks().values()
    for s, (key, b) in enumerate(zip(layer.streams.values(), in_use, strict=True)):
        mask = (torch.arange(len(layer.A[key]), device=x.device) < b).to(x)
        update = (layer.B[key] * mask) @ (layer.A[key] * mask[:, None])
        direction = F.normalize(F.normalize(weight, dim=1) + layer.scale * update, dim=1)
        magnitude = norm * torch.exp(layer.magnitude_rate * (layer.theta[key] - norm.log()))
        own = x[min(s, len(x) - 1)]
        streams.append(base + F.linear(own, magnitude[:, None] * direction - weight))
    return torch.stack(streams)


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """Run once; return CPU time on a CPU, where others may be busy, and wall-clock time on a GPU."""
    if device.type == "cpu":
        start = time.process_time()
        work()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(layer: NestedDoRA, x: Tensor, repeats: int, draw: bool, rank: int) -> tuple[float, float]:
    """Return median seconds of forward + backward, factored and dense, with the same ranks in every pair."""
    times: tuple[list[float], list[float]] = ([], [])
    rng = random.Random(0)
    probe = torch.randn(len(layer.streams), *x.shape[1:-1], layer.frozen.out_features, device=x.device)
    for _ in range(repeats + 2):
        if draw:
            layer.draw(rng, rank, 0.0)
        outputs: list[Tensor] = []
        for form, spent in zip((layer, lambda x: dense(layer, x)), times, strict=True):
            layer.zero_grad()
            x.grad = None

            def work(form=form, outputs=outputs):
                y = form(x)
                y.backward(probe)
                outputs.append(y.detach())

            spent.append(seconds(work, x.device))
        torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-3)
    return statistics.median(times[0][2:]), statistics.median(times[1][2:])


def main() -> None:
    """Compare the two forms at the sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=96)
    parser.add_argument("--outputs", type=int, default=384)
    parser.add_argument("--tokens", type=int, default=6272, help="of one stream, batch included")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    tasks = [f"task{t}" for t in range(args.tasks)]
    for rank, draw, title in (
        (args.rank, False, f"rank {args.rank}"),
        (args.rank, True, f"rank drawn from 1..{args.rank}"),
        (8, False, "rank 8"),
    ):
        torch.manual_seed(0)
        layer = NestedDoRA(
            nn.Linear(args.inputs, args.outputs).requires_grad_(False),
            tasks,
            shared=True,
            rank=rank,
            scale=4.0,
            dropout=0.0,
            magnitude_rate=0.1,
        )
        with torch.no_grad():
            for B in layer.B.values():
                B.normal_(std=0.02)
        layer.to(device)
        for streams, fan in ((1, "shared input"), (1 + args.tasks, "fanned out")):
            x = torch.randn(streams, args.tokens, args.inputs, device=device, requires_grad=True)
            ours, theirs = compare(layer, x, args.repeats, draw, rank)
            ours, theirs = 1e3 * ours, 1e3 * theirs
            print(f"{title:22s} {fan:13s} {ours:8.2f} ms / {theirs:8.2f} ms = {ours / theirs:.2f}")


if __name__ == "__main__":
    main()

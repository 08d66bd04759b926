"""Work out on paper what a full grid of experiments costs, and what saturates first.

    python benchmarks/grid_cost.py --rate 30

Nothing is measured here but arithmetic: every assumption is a line below, and docs/scale.md says where it is
from. `--rate` is what one GPU sustains in training, in 10¹² multiply-accumulates per second.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from tabulate import tabulate

ADAPTERS, DECODERS, BALANCERS, SEEDS = 30, 5, 25, 3
#: balancers that compare gradients, and their step relative to equal weights (docs/balancing.md)
GRADIENT_BALANCERS, GRADIENT_STEP = 17, 2.15
#: step of the mean decoder relative to `hrnet`: the others mix pixels or tasks
DECODER_STEP = 1.3
#: forward, and activation gradients with a share of weight gradients, in units of the forward pass
PASSES = 2.5
EPOCHS = 300
#: trainable parameters of a mean row, and bytes of each in a checkpoint: the value and two moments
TRAINABLE, CHECKPOINT_BYTES = 5e6, 12
SAMPLE_BYTES = 448 * 448 * (3 + 1 + 1 + 1 + 12)  # decoded: image, two maps of classes, saliency, normals


@dataclass(frozen=True)
class Board:
    """Hold a board's training split and the forward pass of its backbone and head, in 10⁹ MACs per image."""

    name: str
    images: int
    forward: float

    def hours(self, rate: float) -> float:
        """Return the GPU hours of one run under equal weights and `hrnet`."""
        return self.images * EPOCHS * self.forward * 1e9 * PASSES / (rate * 1e12) / 3600


BOARDS = (
    Board("pascal-swint-v1", 4998, 18.5),
    Board("pascal-vitb-v1", 4998, 72.0),
    Board("nyud-swint-v1", 795, 18.5),
    Board("nyud-vitb-v1", 795, 72.0),
)


def table(rate: float) -> str:
    """Return the cost of the full grid and of designs that vary less."""
    mean = sum(board.hours(rate) for board in BOARDS) / len(BOARDS)
    balance = (BALANCERS - GRADIENT_BALANCERS + GRADIENT_BALANCERS * GRADIENT_STEP) / BALANCERS
    cells = {
        "full grid": (ADAPTERS * DECODERS * BALANCERS, balance * DECODER_STEP),
        "adapters x decoders, and balancers under one of each": (
            ADAPTERS * DECODERS + BALANCERS,
            (ADAPTERS * DECODERS * DECODER_STEP + BALANCERS * balance) / (ADAPTERS * DECODERS + BALANCERS),
        ),
        "one axis at a time": (
            ADAPTERS + DECODERS + BALANCERS - 2,
            (ADAPTERS + DECODERS * DECODER_STEP + BALANCERS * balance) / (ADAPTERS + DECODERS + BALANCERS),
        ),
    }
    rows = []
    for name, (count, factor) in cells.items():
        runs = count * len(BOARDS) * SEEDS
        hours = runs * mean * factor
        rows.append([name, f"{runs:,}", f"{hours:,.0f}", *(f"{hours / gpus / 24:,.1f}" for gpus in (8, 512))])
    return tabulate(
        rows, ["design", "runs", "GPU hours", "days on 8", "days on 512"], "pipe", disable_numparse=True
    )


def streams(rate: float, gpus: int = 512) -> str:
    """Return what all GPUs together ask of the file system while they train the lightest board."""
    images = rate * 1e12 / (BOARDS[0].forward * 1e9 * PASSES)
    epoch = BOARDS[0].images / images
    rows = [
        ["decoded samples read", f"{gpus * images * SAMPLE_BYTES / 1e9:,.0f} GB/s"],
        ["the same from each node's page cache, 8 GPUs", f"{8 * images * SAMPLE_BYTES / 1e9:,.1f} GB/s"],
        ["checkpoints, one per epoch", f"{gpus * TRAINABLE * CHECKPOINT_BYTES / epoch / 1e9:,.1f} GB/s"],
        ["runs that start", f"{gpus / (BOARDS[2].hours(rate) * 60):,.0f} per minute on nyud-swint-v1"],
    ]
    return tabulate(rows, ["stream, 512 GPUs", "load"], "pipe", disable_numparse=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=30.0)
    arguments = parser.parse_args()
    print(table(arguments.rate), streams(arguments.rate), sep="\n\n")


if __name__ == "__main__":
    main()

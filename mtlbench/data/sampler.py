"""Decide which images make up the batch of every training step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mtlbench.errors import MtlbenchError

_STREAM = 0  # keeps the order of images apart from the augmentation of the same seed


class StepSampler:
    """Yield for every step, without end, the batch of this process as a list of (epoch, index).

    All steps read one stream: position p belongs to epoch p // n, which goes through a permutation drawn from
    the seed and the epoch, where n is `length` rounded down to whole global batches. The batch of process
    `rank` is its slice of the global batch of `batch_size * world` images, so that two processes with batch B
    see what one process with batch 2B sees. A stream that starts at step `start` is the tail of the one that
    starts at 0.

    Raises:
        MtlbenchError: there are fewer images than one global batch needs.
    """

    def __init__(
        self, length: int, batch_size: int, seed: int, start: int = 0, rank: int = 0, world: int = 1
    ) -> None:
        self.length, self.batch_size, self.seed, self.start = length, batch_size, seed, start
        self.rank, self.world = rank, world
        self.steps_per_epoch = length // (batch_size * world)
        if self.steps_per_epoch == 0:
            raise MtlbenchError(
                f"The training split has {length} images, fewer than one batch of {batch_size} on each of "
                f"{world} process(es); use a batch size of at most {length // world}."
            )

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, step = divmod(self.start, self.steps_per_epoch)
        while True:
            order = self._order(epoch)
            for first in range(step, self.steps_per_epoch):
                begin = (first * self.world + self.rank) * self.batch_size
                yield [(epoch, int(index)) for index in order[begin : begin + self.batch_size]]
            epoch, step = epoch + 1, 0

    def _order(self, epoch: int) -> np.ndarray:
        seeds = np.random.SeedSequence((self.seed, epoch), spawn_key=(_STREAM,))
        return np.random.Generator(np.random.Philox(seeds)).permutation(self.length)

"""The training loop: steps counted from anywhere, epochs marked by their length."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.registry import LOOPS
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import DataLoader

from mtlbench.engine import distributed

#: the "step" of everything drawn before the first one, such as the weights of new layers
BUILD = 2**31


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Return the seed of one step on one process: a function of these numbers and nothing else.

    Every step reseeds the global generators with it. So no generator state has to be saved, and a run that
    was killed goes on bit for bit like one that was not.
    """
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint32)[0])


@LOOPS.register_module()
class StepLoop(BaseLoop):
    """Train from step `start` to `max_iters`; the loader must yield the batches from `start` on.

    Args:
        runner: the mmengine runner.
        dataloader: infinite, already at `start` (`StepSampler`).
        max_iters: number of steps of the whole run.
        epoch_length: steps per epoch, for hooks that act once an epoch.
        start: steps done before (by the run that this one resumes).
    """

    def __init__(
        self, runner: object, dataloader: DataLoader, max_iters: int, epoch_length: int, start: int = 0
    ) -> None:
        super().__init__(runner, dataloader)
        self._max_iters = max_iters
        self.epoch_length = epoch_length
        self._iter = start
        self.stop_training = False

    @property
    def max_iters(self) -> int:
        """Return the number of steps of the whole run."""
        return self._max_iters

    @property
    def max_epochs(self) -> int:
        """Return the number of epochs, the last one possibly short."""
        return -(-self._max_iters // self.epoch_length)

    @property
    def iter(self) -> int:
        """Return the number of steps done."""
        return self._iter

    @property
    def epoch(self) -> int:
        """Return the number of the current epoch, from 0."""
        return self._iter // self.epoch_length

    def run(self) -> torch.nn.Module:
        """Train; `after_train_iter` hooks run before the step counts as done, as everywhere in mmengine."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        batches = iter(self.dataloader) if self._iter < self._max_iters else iter(())
        while self._iter < self._max_iters and not self.stop_training:
            batch = next(batches)
            self.runner.call_hook("before_train_iter", batch_idx=self._iter, data_batch=batch)
            outputs = self.runner.model.train_step(batch, optim_wrapper=self.runner.optim_wrapper)
            self.runner.call_hook("after_train_iter", batch_idx=self._iter, data_batch=batch, outputs=outputs)
            self._iter += 1
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model


def seed_everything(seed: int, step: int) -> None:
    """Seed torch's generators (all devices) for one step of this process, or for `BUILD`, alike on all."""
    torch.manual_seed(step_seed(seed, step, 0 if step == BUILD else distributed.rank()))

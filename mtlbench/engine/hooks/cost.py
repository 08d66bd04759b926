"""Measure what a run costs while it runs."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

_SKIPPED = 3  # the first steps allocate, tune and warm caches


@HOOKS.register_module()
class CostHook(Hook):
    """Time every step (forward, backward, update; the data is there already) and read the peak of memory."""

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.seconds_before = 0.0
        self._began = self._step_began = time.perf_counter()
        self._ended: float | None = None

    def before_train(self, runner: Any) -> None:
        """Start the clock, and the device's count of peak memory."""
        self._began = time.perf_counter()
        self._device = next(runner.model.parameters()).device
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Note when the step begins."""
        self._step_began = self._now()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note how long the step took."""
        self.steps.append(self._now() - self._step_began)

    def after_train(self, runner: Any) -> None:
        """Stop the clock; evaluation is not training."""
        self._ended = self._now()

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    @property
    def train_seconds(self) -> float:
        """Return the seconds trained, over all resumptions."""
        return self.seconds_before + (self._ended or time.perf_counter()) - self._began

    def step_ms(self, part: slice = slice(None)) -> float | None:
        """Return the median step of a part of this process's steps in milliseconds, None without any."""
        steps = self.steps[_SKIPPED:][part] or self.steps[part]
        return 1000 * statistics.median(steps) if steps else None

    @property
    def peak_memory_mb(self) -> float:
        """Return the peak in MiB: allocated on the device, or the process's resident size on a CPU."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) / 2**20
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10

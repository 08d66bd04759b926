"""Prepare every step: its random numbers and its learning rate are functions of its number."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mtlbench.engine.config import Schedule
from mtlbench.engine.loop import seed_everything, step_seed
from mtlbench.engine.optim import learning_rate_factor


@HOOKS.register_module()
class StepHook(Hook):
    """Seed the step, let the adapter draw, tell the learner, set the learning rate."""

    priority = "VERY_HIGH"

    def __init__(self, seed: int, schedule: Schedule, lr: float) -> None:
        self.seed = seed
        self.schedule = schedule
        self.lr = lr

    def before_train(self, runner: Any) -> None:
        """Put the model into training mode (evaluation happens after training only)."""
        runner.model.train()

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Prepare step `batch_idx`."""
        seed_everything(self.seed, batch_idx)
        runner.model.adapter.before_step(step_seed(self.seed, batch_idx))
        runner.model.learner.before_step(batch_idx, runner.max_iters)
        runner.optim_wrapper.generator.manual_seed(step_seed(self.seed, batch_idx))
        factor = learning_rate_factor(
            batch_idx, runner.max_iters, self.schedule.warmup, self.schedule.curve, self.schedule.final_lr
        )
        for group in runner.optim_wrapper.optimizer.param_groups:
            group["lr"] = self.lr * factor

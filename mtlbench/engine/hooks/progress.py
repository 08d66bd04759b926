"""Show how far training is, and how much time is left."""

from __future__ import annotations

import time
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mtlbench.engine import distributed


@HOOKS.register_module()
class ProgressHook(Hook):
    """Draw a bar on a terminal; elsewhere print a line after every tenth of the run, and every minute."""

    priority = "VERY_LOW"
    PAUSE = 60.0  # seconds

    def __init__(self, title: str, console: Console) -> None:
        self.title = title
        self.console = console
        self.shown = distributed.rank() == 0
        self.bar: Progress | None = None

    def before_train(self, runner: Any) -> None:
        """Start the bar at the step where training starts."""
        self._began, self._start = time.monotonic(), runner.iter
        self._said = self._began
        if self.shown and self.console.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[loss]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self.console,
            )
            self.row = self.bar.add_task(self.title, total=runner.max_iters, completed=runner.iter, loss="")
            self.bar.start()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Move on by one step."""
        done = batch_idx + 1
        tenth = max(1, runner.max_iters // 10)
        if self.bar is not None:
            self.bar.update(
                self.row, completed=done, loss=_short(outputs) if done % 5 == 0 or done == 1 else None
            )
            return
        now = time.monotonic()
        if self.shown and (done % tenth == 0 or now - self._said >= self.PAUSE):
            self._said = now
            spent = now - self._began
            left = spent / (done - self._start) * (runner.max_iters - done)
            self.console.print(
                f"{self.title}  step {done}/{runner.max_iters}  {_short(outputs)}  {spent:.0f} s, "
                f"{left:.0f} s left",
                highlight=False,
            )

    def after_train(self, runner: Any) -> None:
        """Finish the bar."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, also when training ended with an error."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _short(losses: Any) -> str:
    return " ".join(f"{task} {float(loss):.3f}" for task, loss in losses.items())

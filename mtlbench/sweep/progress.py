"""Show how far a grid of runs is, and how much time is left."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mtlbench.sweep.jobs import Job, Outcome

#: what a run prints where it has no terminal, see `engine.hooks.progress`
LINE = re.compile(r"step (\d+)/(\d+)  (.*?)  \d+ s, (\d+) s left")


class Watch:
    """Draw a bar for all runs and one for each that is under way; off a terminal, print a line per run."""

    def __init__(self, total: int, console: Console) -> None:
        self.total, self.console = total, console
        self.began = time.monotonic()
        self.done = self.failed = self.busy = 0
        self.seconds = 0.0
        self.rows: dict[Job, TaskID] = {}
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.all = self.bars.add_task("all runs", total=total, note="")

    def __enter__(self) -> Watch:
        """Start to draw."""
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        self.bars.stop()

    def look(self, running: Iterable[Job]) -> None:
        """Read how far each of the jobs that are under way has come."""
        running = list(running)
        self.busy = len(running)
        for job in [job for job in self.rows if job not in running]:
            self.bars.remove_task(self.rows.pop(job))
        for job in running:
            if job not in self.rows:
                self.rows[job] = self.bars.add_task(f"  {job.title}", total=None, note="starting")
            found = LINE.findall(job.printed())
            if found:
                step, steps, losses, left = found[-1]
                self.bars.update(
                    self.rows[job], completed=int(step), total=int(steps), note=f"{losses}, {left} s left"
                )

    def ended(self, outcome: Outcome) -> None:
        """Count a job that ended."""
        self.done += outcome.record is not None
        self.failed += outcome.record is None
        note = f"{self.failed} failed, " if self.failed else ""
        note += self.left()
        self.bars.update(self.all, completed=self.done + self.failed, note=note)
        verdict = "finished" if outcome.record else f"FAILED: {outcome.reason}"
        line = f"{outcome.job.title}  {verdict}  ({self.done + self.failed}/{self.total}, {note})"
        if outcome.record is None or not self.console.is_terminal:
            self.console.print(line, markup=False, highlight=False)

    def left(self) -> str:
        """Return the time that is left, at the pace so far."""
        ended = self.done + self.failed
        seconds = (time.monotonic() - self.began) / max(ended, 1) * (self.total - ended)
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"

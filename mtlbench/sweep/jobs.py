"""Lay out a grid of runs: one job per config, point of the grid, task of a reference, and seed."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtlbench.engine.config import load_experiment
from mtlbench.engine.layout import runs_of
from mtlbench.results.errors import BadRecord
from mtlbench.results.schema import Record, run_id
from mtlbench.results.store import load_record
from mtlbench.sweep.errors import SweepError

#: begins the line with an attempt's command, above what it prints
PROMPT = "$ mtlbench "
TAIL = 2**16  # bytes
#: between values of an axis, but not within brackets
COMMA = re.compile(r",(?![^(\[]*[)\]])")


@dataclass(frozen=True)
class Job:
    """Name one run: what `mtlbench run` is told, and where it leaves its record.

    Attributes:
        config: the config's file.
        seed: the run's seed.
        run_id: id of the record that the run will write.
        work_dir: what `--work-dir` says.
        folder: the run's own folder, below it.
        title: what tables and bars call this job: its folder below the sweep's.
        options: overrides, written as for `--cfg-options`.
        task: the one task that is trained, of a config with `single_task`.
        device: what `--device` says; None leaves the choice to the run.
        trackers: which are told how the run goes, see `engine.tracking`.
    """

    config: Path
    seed: int
    run_id: str
    work_dir: Path
    folder: Path
    title: str
    options: tuple[str, ...] = ()
    task: str | None = None
    device: str | None = None
    trackers: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """Return the words behind `mtlbench` that run this job, or go on with it."""
        words = ["run", str(self.config), "--seeds", str(self.seed), "--work-dir", str(self.work_dir)]
        words += ["--task", self.task] if self.task else []
        words += ["--device", self.device] if self.device else []
        words += [f"--{tracker}" for tracker in self.trackers]
        for option in self.options:
            words += ["--cfg-options", option]
        return words

    @property
    def root(self) -> Path:
        """Return the sweep's folder."""
        return self.folder.parents[len(Path(self.title).parts) - 1]

    @property
    def console(self) -> Path:
        """Return the file of what the run prints."""
        return self.folder / "console.log"

    def begin(self) -> None:
        """Head what the coming attempt prints with its command."""
        with self.console.open("a", encoding="utf-8") as file:
            print(PROMPT + shlex.join(self.arguments), file=file)

    def printed(self) -> str:
        """Return the end of what the last attempt printed, so that nobody takes an earlier one's for it."""
        try:
            with self.console.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        _, prompt, rest = text.rpartition(PROMPT)
        return rest.partition("\n")[2] if prompt else text

    def record(self) -> Record | None:
        """Return the finished run's record, or None while there is none that can be read."""
        try:
            return load_record(self.folder / f"{self.run_id}.json")
        except BadRecord:
            return None


@dataclass(frozen=True)
class Outcome:
    """Hold how a job ended: with a record, or with the reason why there is none."""

    job: Job
    record: Record | None
    reason: str = ""

    @classmethod
    def of(cls, job: Job, code: int | None, lost: str = "its process was lost") -> Outcome:
        """Look at what a job left whose process ended with `code`, or with None, if it was `lost`."""
        record = job.record()
        return cls(job, record, "" if record else lost if code is None else _reason(job, code))


def plan(
    configs: Sequence[Path],
    seeds: Sequence[int],
    work_dir: Path,
    options: Sequence[str] = (),
    grid: Mapping[str, Sequence[str]] | None = None,
    device: str | None = None,
    trackers: Sequence[str] = (),
) -> list[Job]:
    """Return the jobs of all configs, points of the grid and seeds, as `mtlbench run` would lay them out.

    Args:
        configs: files of configs, with distinct names.
        seeds: every run's seeds.
        work_dir: the sweep's folder; a config's runs lie below it in a folder of the config's name.
        options: overrides for all runs.
        grid: key of an override -> its values; every combination is a point, with a folder of its own.
        device: where all runs train.
        trackers: which are told how runs go, see `engine.tracking`.

    Raises:
        SweepError: two configs have one name.
        ConfigError: a config is missing or wrong.
    """
    twins = {path.stem for path in configs if sum(other.stem == path.stem for other in configs) > 1}
    if twins:
        raise SweepError(f'Several configs are called "{min(twins)}"; sweep them into different folders.')
    points = [
        tuple(f"{key}={value}" for key, value in zip(grid or (), values, strict=True))
        for values in itertools.product(*(grid or {}).values())
    ]
    jobs = []
    for config, point in itertools.product(configs, points):
        overrides = (*options, *point)
        root = Path(work_dir, config.stem, *(part.lstrip("+").replace("/", "-") for part in point))
        for experiment, folder in runs_of(load_experiment(config, overrides), root):
            task = next(iter(experiment.tasks)) if folder != root else None
            for seed in seeds:
                place, name = folder / f"seed{seed}", run_id(experiment.name, experiment.hash, seed)
                title = place.relative_to(work_dir).as_posix()
                jobs.append(
                    Job(config, seed, name, root, place, title, overrides, task, device, tuple(trackers))
                )
    return jobs


def parse_grid(words: Sequence[str]) -> dict[str, list[str]]:
    """Return key -> values of words such as ``optimizer.lr=5e-4,1.5e-3``.

    Raises:
        SweepError: a word is not written like that, or a key comes twice.
    """
    grid: dict[str, list[str]] = {}
    for word in words:
        key, _, values = word.partition("=")
        listed = list(dict.fromkeys(value for value in COMMA.split(values) if value))
        if not key or not listed or key in grid:
            raise SweepError(
                f"{word!r} is no axis of a grid; write each once, as --grid optimizer.lr=5e-4,1.5e-3."
            )
        grid[key] = listed
    return grid


def _reason(job: Job, code: int) -> str:
    lines = [line.strip() for line in job.printed().splitlines()]
    last = next((line for line in reversed(lines) if line), "it printed nothing")
    error = next((line for line in reversed(lines) if line.startswith("Error: ")), None)
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
        return f"killed by {name}{hint}"
    return (error or last).removeprefix("Error: ")

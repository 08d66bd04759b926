"""Time the engine's training step against the same step in a bare loop.

Two equal models take the same batches, kept in memory, turn by turn in one process: one inside the run's own
runner with all its hooks, the other in the few lines of `bare_step`. Prints the ratio of the medians; the
goal is at most 1.05::

    python benchmarks/overhead.py configs/faar_synthrooms.py --steps 40
"""

from __future__ import annotations

import argparse
import copy
import io
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from rich.console import Console

from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.experiment import RunOptions, build_runner
from mtlbench.engine.freezing import optimizer_groups
from mtlbench.engine.hooks.checkpointing import RunCheckpointHook
from mtlbench.engine.hooks.cost import CostHook
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.hooks.progress import ProgressHook
from mtlbench.engine.hooks.step import StepHook
from mtlbench.engine.loop import step_seed
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.optim import build_optimizer
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog

WARM_UP = 5
BATCHES = 4


def bare_step(
    model: MultiTaskModel,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, Any],
    clip: float | None,
    seed: int,
) -> None:
    """Take one step as a script without a bench would."""
    torch.manual_seed(seed)
    model.adapter.before_step(seed)
    losses = model(**batch, mode="loss")
    total = sum(losses.active.values()) + losses.penalty
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    if clip:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, clip)
    model.adapter.after_backward()
    optimizer.step()


class TakeTurns(Hook):
    """After everything else of an engine's step, note its time, then take and time a bare step."""

    priority = "LOWEST"

    def __init__(self, step: Any, device: torch.device) -> None:
        self.step, self.device = step, device
        self.engine: list[float] = []
        self.bare: list[float] = []

    def before_train_epoch(self, runner: Any) -> None:
        """Start the clock before the first batch is asked for."""
        self.began = self.now()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Take turns."""
        middle = self.now()
        self.step(batch_idx, data_batch)
        end = self.now()
        self.engine.append(middle - self.began)
        self.bare.append(end - middle)
        self.began = self.now()

    def now(self) -> float:
        """Return CPU time on a CPU, where others may be busy, and wall-clock time on a GPU."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def compare(config: Path, steps: int, device: str, overrides: list[str]) -> tuple[float, float]:
    """Return the median seconds of a step in the engine and in the bare loop."""
    experiment, catalog = load_experiment(config, overrides), Catalog.load()
    register(experiment, catalog)
    tasks = build_tasks(experiment)
    kinds: dict[str, str] = {name: task.label_kind for name, task in tasks.items()}
    torch.manual_seed(0)
    model = build_model(experiment, tasks).to(device).train()
    twin = copy.deepcopy(model)
    loader, _ = train_loader(experiment, open_datasets(experiment, catalog)[0], kinds, 0, 0)
    batches = [batch for batch, _ in zip(loader, range(BATCHES), strict=False)]

    decay, schedule = experiment.optimizer.weight_decay, experiment.schedule
    optimizer, other = (
        build_optimizer(experiment.optimizer, optimizer_groups(m, decay)) for m in (model, twin)
    )

    def step(index: int, batch: dict[str, Any]) -> None:
        batch = twin.data_preprocessor.cast_data(batch)
        bare_step(twin, other, batch, schedule.clip_grad, step_seed(0, index))

    turns = TakeTurns(step, torch.device(device))
    total = WARM_UP + steps
    with tempfile.TemporaryDirectory() as folder:
        work_dir, epochs, cost = Path(folder), EpochHook(), CostHook()
        hooks = [
            StepHook(0, schedule, experiment.optimizer.lr),
            epochs,
            RunCheckpointHook(work_dir, 1, {}, epochs, cost),
            cost,
            ProgressHook("overhead", Console(file=io.StringIO())),
            turns,
        ]
        span = (0, total + 1, total + 2)  # neither an epoch's nor the run's end is among the timed steps
        runner = build_runner(
            experiment,
            model,
            optimizer,
            itertools.cycle(batches),
            span,
            RunOptions(0, work_dir, device),
            hooks,
        )
        runner.train()
    return statistics.median(turns.engine[WARM_UP:total]), statistics.median(turns.bare[WARM_UP:total])


def main() -> None:
    """Compare the two at the config of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, nargs="?", default=Path("configs/faar_synthrooms.py"))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    args = parser.parse_args()
    engine, bare = compare(args.config, args.steps, args.device, args.overrides)
    print(f"engine {1e3 * engine:.2f} ms / bare loop {1e3 * bare:.2f} ms = {engine / bare:.3f}")


if __name__ == "__main__":
    main()

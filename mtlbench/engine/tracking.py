"""Tell trackers of experiments how a run goes, through mmengine's visualisation backends."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, VISBACKENDS

from mtlbench.engine.config import Experiment
from mtlbench.engine.errors import RunError
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.results.schema import Record
from mtlbench.results.store import record_text

#: what the command line calls a tracker -> (mmengine's backend, the package it needs)
TRACKERS = {
    "tensorboard": ("TensorboardVisBackend", "tensorboard"),
    "wandb": ("WandbVisBackend", "wandb"),
    "mlflow": ("MLflowVisBackend", "mlflow"),
}
EVERY = 10  # steps


def require(trackers: Sequence[str]) -> None:
    """Check that the packages of trackers are installed.

    Raises:
        RunError: one is not; says how to install it.
    """
    for name in trackers:
        package = TRACKERS[name][1]
        if not installed(package):
            raise RunError(
                f'--{name} needs {package}: pip install "mtlbench[{name}]", or leave the option out.'
            )


def installed(package: str) -> bool:
    """Say whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


@HOOKS.register_module()
class TrackingHook(Hook):
    """Pass on the config, losses, learning rate, weights of tasks and, at the end, metrics and the record.

    A tracker that fails, such as for want of a network, is dropped with one warning: it never stops a run.
    Nothing of it enters a record.

    Args:
        trackers: keys of `TRACKERS`.
        experiment: what is trained.
        seed: the run's seed.
        work_dir: where trackers keep what they keep in files.
        epochs: gathers the weights of tasks.
        log: takes warnings.
    """

    priority = "VERY_LOW"

    def __init__(
        self,
        trackers: Sequence[str],
        experiment: Experiment,
        seed: int,
        work_dir: Path,
        epochs: EpochHook,
        log: logging.Logger,
    ) -> None:
        self.epochs, self.log = epochs, log
        self.backends: dict[str, Any] = {}
        title, config = f"{experiment.name}-seed{seed}", experiment.canonical() | {"seed": seed}
        for name in trackers:
            self._try(name, partial(self._start, name, title, config, work_dir / name))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Pass on every tenth step, and the weights at the end of every epoch."""
        done = batch_idx + 1
        values: dict[str, float] = {}
        if done % EVERY == 0 or done == runner.max_iters:
            values |= {f"loss/{task}": float(loss) for task, loss in outputs.items()}
            values["learning_rate"] = runner.optim_wrapper.optimizer.param_groups[0]["lr"]
        if done % runner.train_loop.epoch_length == 0 and self.epochs.weights:
            values |= {f"weight/{task}": weight for task, weight in self.epochs.weights[-1].items()}
        if values:
            self.scalars(values, done)

    def finish(self, record: Record, step: int) -> None:
        """Pass on the metrics of the evaluation and the record, and end."""
        self.scalars(
            {f"{t}/{name}": value for t, found in record.metrics.items() for name, value in found.items()},
            step,
        )
        for name, backend in list(self.backends.items()):
            self._try(name, partial(_keep, name, backend.experiment, record))
        for name, backend in list(self.backends.items()):
            # closing mmengine's backend of MLflow would upload the files below its own folder
            self._try(name, backend.experiment.end_run if name == "mlflow" else backend.close)
        self.backends.clear()

    def scalars(self, values: dict[str, float], step: int) -> None:
        """Pass on numbers."""
        for name, backend in list(self.backends.items()):
            self._try(name, partial(backend.add_scalars, dict(values), step=step))

    def _start(self, name: str, title: str, config: dict[str, Any], folder: Path) -> None:
        options: dict[str, Any] = {"save_dir": str(folder)}
        if name == "wandb":  # its backend's `add_config` would upload code
            options["init_kwargs"] = {"project": "mtlbench", "name": title, "config": config}
        if name == "mlflow":
            options |= {"exp_name": "mtlbench", "run_name": title}
            options["tracking_uri"] = os.environ.get("MLFLOW_TRACKING_URI")
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # the store that needs no database
        backend = VISBACKENDS.build({"type": TRACKERS[name][0], **options})
        backend.experiment  # noqa: B018  # connects
        if name != "wandb":
            backend.add_config(Config(config))
        self.backends[name] = backend

    def _try(self, name: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # a tracker is somebody else's program on somebody else's network
            self.backends.pop(name, None)
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            self.log.warning("%s is left out from here on: %s", name, reason)


def _keep(name: str, experiment: Any, record: Record) -> None:
    text = record_text(record)
    if name == "tensorboard":
        experiment.add_text("record", f"```\n{text}```")
    elif name == "mlflow":
        experiment.log_text(text, f"{record.run_id}.json")
    else:
        experiment.run.summary["record"] = record.model_dump(mode="json")

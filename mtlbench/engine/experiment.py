"""Run one experiment with one seed: from a config to a record."""

from __future__ import annotations

import contextlib
import logging
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import filelock
import torch
from rich.console import Console

from mtlbench.contracts.dataset import Dataset
from mtlbench.engine import checkpoint, distributed, freezing, pictures
from mtlbench.engine.compat import import_torchvision
from mtlbench.engine.config import Experiment
from mtlbench.engine.datasets import eval_loader, train_loader
from mtlbench.engine.evaluation import evaluate
from mtlbench.engine.hooks.checkpointing import RunCheckpointHook, restore
from mtlbench.engine.hooks.cost import CostHook
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.hooks.progress import ProgressHook
from mtlbench.engine.hooks.step import StepHook
from mtlbench.engine.loop import StepLoop, seed_everything
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.optim import BalancedOptimWrapper, build_optimizer
from mtlbench.engine.parameters import count, dead_parameters, macs_per_image
from mtlbench.engine.registries import register
from mtlbench.errors import MtlbenchError
from mtlbench.plugin.catalog import Catalog
from mtlbench.results import provenance
from mtlbench.results.schema import Cost, Parameters, Primary, Record, run_id
from mtlbench.results.store import load_record, write_record


class RunError(MtlbenchError):
    """Say why a run cannot start or go on, and what to do."""


@dataclass(frozen=True)
class RunOptions:
    """Say where and how to run; nothing here changes what is learnt but the seed."""

    seed: int
    work_dir: Path
    device: str = "cpu"
    resume: bool = True
    demo: bool = False


def run(
    experiment: Experiment, datasets: tuple[Dataset, Dataset], catalog: Catalog, options: RunOptions, console: Console
) -> tuple[Record, Path]:
    """Train, evaluate and record; go on from the newest checkpoint when there is one.

    Returns:
        the record and where it is written. A finished run of the same config and seed is returned as it is.
    """
    distributed.initialise(options.device)
    with _owned(options.work_dir):
        return _run(experiment, datasets, catalog, options, console)


def _run(
    experiment: Experiment, datasets: tuple[Dataset, Dataset], catalog: Catalog, options: RunOptions, console: Console
) -> tuple[Record, Path]:
    work_dir = options.work_dir
    identity = {"config": experiment.hash, "seed": options.seed}
    if not options.resume and distributed.rank() == 0:
        shutil.rmtree(work_dir / "checkpoints", ignore_errors=True)
        for old in work_dir.glob("*-seed*.json"):
            old.unlink()
    distributed.barrier()
    record_path = work_dir / f"{run_id(experiment.name, experiment.hash, options.seed)}.json"
    if record_path.exists():
        return load_record(record_path), record_path

    log = _logger(work_dir / "train.log")
    components = register(experiment, catalog)
    tasks = build_tasks(experiment)
    kinds = {name: task.label_kind for name, task in tasks.items()}
    seed_everything(options.seed, 2**31)  # weights of new layers: a stream that no step uses
    model = build_model(experiment, tasks).to(options.device)
    saved = checkpoint.load_latest(work_dir / "checkpoints", log.warning)
    start = saved["step"] if saved else 0
    loader, epoch_length = train_loader(experiment, datasets[0], kinds, options.seed, start)
    steps = experiment.schedule.iterations or (experiment.schedule.epochs or 0) * epoch_length

    size = tuple(datasets_size(experiment, datasets[1], kinds))
    dead = dead_parameters(model, size)
    fresh = count(model, dead)
    macs = macs_per_image(model, size)
    if saved:
        restore(saved, identity, model)

    optimizer = build_optimizer(
        experiment.optimizer, freezing.optimizer_groups(model, experiment.optimizer.weight_decay)
    )
    epochs, cost = EpochHook(), CostHook()
    if saved:
        optimizer.load_state_dict(saved["optimizer"])
        epochs.load(saved["epochs"])
        cost.seconds_before = saved["train_seconds"]
        console.print(f"Going on from step {start} of {steps}.")
    log.info("seed %d, %s, steps %d to %d, parameters %s", options.seed, identity, start, steps, fresh)

    progress = ProgressHook(f"{experiment.name} seed {options.seed}", console)
    runner = build_runner(
        experiment, model, optimizer, loader, work_dir, (start, steps, epoch_length), options,
        [
            StepHook(options.seed, experiment.schedule, experiment.optimizer.lr),
            epochs,
            RunCheckpointHook(
                work_dir / "checkpoints", experiment.schedule.checkpoint_every, identity, epochs, cost
            ),
            cost,
            progress,
        ],
    )
    try:
        runner.train()
    except MtlbenchError as error:
        log.error("%s", error)
        raise
    finally:
        progress.close()

    metrics = evaluate(model, eval_loader(experiment, datasets[1], kinds), experiment.evaluation.mode)
    log.info("metrics %s", metrics)
    first_ms = (saved or {}).get("step_ms_first") or cost.step_ms(slice(0, epoch_length))
    record = _record(
        experiment, options, components, tasks, metrics, datasets,
        parameters=Parameters(
            **fresh.as_dict(), peak=fresh.trainable, final=count(model, dead).trainable
        ),
        cost=Cost(
            forward_passes=1.0,
            macs=macs if macs else None,
            step_time_ms=cost.step_ms(),
            step_time_first_ms=first_ms,
            step_time_last_ms=cost.step_ms(slice(-epoch_length, None)),
            peak_memory_mb=cost.peak_memory_mb,
            train_seconds=cost.train_seconds,
            images_per_second=_throughput(cost, experiment.schedule.batch_size),
        ),
        iterations=steps, epochs=epochs, model=model,
    )
    if distributed.rank() == 0:
        pictures.draw(model, experiment, datasets[1], kinds, epochs.rank_maps, work_dir / "pictures")
        write_record(record, work_dir)
    distributed.barrier()
    return record, record_path


def datasets_size(experiment: Experiment, dataset: Dataset, kinds: dict[str, str]) -> tuple[int, int]:
    """Return (H, W) of the images that the model sees in evaluation."""
    batch = next(iter(eval_loader(experiment, dataset, kinds)))
    return tuple(batch["inputs"].shape[-2:])  # type: ignore[return-value]


def build_runner(
    experiment: Experiment,
    model: MultiTaskModel,
    optimizer: torch.optim.Optimizer,
    loader: Any,
    work_dir: Path,
    span: tuple[int, int, int],
    options: RunOptions,
    hooks: list[Any],
) -> Any:
    """Build the mmengine Runner of a run; `span` is (first step, last step, steps per epoch)."""
    import_torchvision()
    from mmengine.runner import Runner

    start, steps, epoch_length = span
    schedule = experiment.schedule
    none = ("timer", "logger", "param_scheduler", "checkpoint", "sampler_seed", "runtime_info")
    return Runner(
        model=model,
        work_dir=str(work_dir / "log"),
        train_dataloader=loader,
        train_cfg={
            "type": StepLoop, "max_iters": steps, "epoch_length": epoch_length, "start": start
        },
        optim_wrapper=BalancedOptimWrapper(
            optimizer, model, schedule.clip_grad, schedule.accumulate, schedule.amp
        ),
        default_hooks=dict.fromkeys(none),
        custom_hooks=hooks,
        default_scope="mtlbench",
        log_level="ERROR",
        randomness={"seed": options.seed},
        experiment_name=f"{experiment.name}-seed{options.seed}",
        cfg={"experiment": experiment.canonical()},
    )


def _record(
    experiment: Experiment,
    options: RunOptions,
    components: dict[str, str],
    tasks: dict[str, Any],
    metrics: dict[str, dict[str, float]],
    datasets: tuple[Dataset, Dataset],
    *,
    epochs: EpochHook,
    model: MultiTaskModel,
    **measured: Any,
) -> Record:
    primary = {
        name: Primary(
            metric=task.primary.name,
            value=metrics[name][task.primary.name],
            unit=task.primary.unit,
            higher_is_better=task.primary.higher_is_better,
        )
        for name, task in tasks.items()
    }
    plugins = {text.split(":")[0]: text.rsplit("==", 1)[1] for text in components.values()}
    device = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.machine() + " cpu"
    return Record(
        run_id=run_id(experiment.name, experiment.hash, options.seed),
        name=experiment.name,
        board=experiment.board,
        demo=options.demo,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seed=options.seed,
        config=experiment.canonical(),
        config_hash=experiment.hash,
        protocol_hash=experiment.protocol_hash,
        components=components,
        metrics=metrics,
        primary=primary,
        rank_map=epochs.rank_maps[-1] if epochs.rank_maps else None,
        curves={task: [epoch[task] for epoch in epochs.curves if task in epoch] for task in tasks},
        provenance=provenance.collect(
            plugins=plugins,
            device=device,
            threads=torch.get_num_threads(),
            data={"train": datasets[0].fingerprint(), "val": datasets[1].fingerprint()},
            weights=model.backbone.fingerprint(),
        ),
        **measured,
    )


def _throughput(cost: CostHook, batch_size: int) -> float | None:
    step = cost.step_ms()
    return 1000 * batch_size * distributed.world_size() / step if step else None


@contextlib.contextmanager
def _owned(work_dir: Path) -> Iterator[None]:
    """Hold the work dir, so that two runs never write into one; rank 0 holds it for all."""
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        if distributed.rank() > 0:
            yield
            return
        with filelock.FileLock(work_dir / ".lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise RunError(
            f"Another run is using {work_dir}. Wait for it, or choose another folder with --work-dir."
        ) from error
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise RunError(
            f"The work dir {work_dir} cannot be written ({error.strerror}). Choose another with --work-dir."
        ) from error


def _logger(path: Path) -> logging.Logger:
    log = logging.getLogger(f"mtlbench.run.{path}")
    log.setLevel(logging.INFO)
    log.propagate = False
    if not log.handlers and distributed.rank() == 0:
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
    return log

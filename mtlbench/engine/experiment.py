"""Run one experiment with one seed: from a config to a record."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from mtlbench.contracts.dataset import Dataset
from mtlbench.engine import checkpoint, distributed, freezing, pictures, tracking
from mtlbench.engine.chain import gradient_balancer
from mtlbench.engine.compat import import_torchvision
from mtlbench.engine.config import Experiment
from mtlbench.engine.datasets import eval_loader, eval_rounds, train_loader
from mtlbench.engine.errors import RunError
from mtlbench.engine.evaluation import evaluate, recalibrate
from mtlbench.engine.gradients import Combination
from mtlbench.engine.hooks.checkpointing import RunCheckpointHook, restore_structure, restore_values
from mtlbench.engine.hooks.cost import CostHook
from mtlbench.engine.hooks.epoch import EpochHook
from mtlbench.engine.hooks.progress import ProgressHook
from mtlbench.engine.hooks.step import StepHook
from mtlbench.engine.labels import FILE as LABELS
from mtlbench.engine.labels import labels_of
from mtlbench.engine.loop import BUILD, StepLoop, seed_everything
from mtlbench.engine.model import MultiTaskModel, build_model, build_tasks
from mtlbench.engine.optim import BalancedOptimWrapper, build_optimizer
from mtlbench.engine.parameters import count, dead_parameters, macs_per_image
from mtlbench.engine.recording import make_cost, make_provenance, make_record
from mtlbench.engine.registries import register
from mtlbench.engine.sharding import shard_frozen
from mtlbench.engine.sharing import owners
from mtlbench.engine.work_dir import forget, owned, run_log, writing
from mtlbench.errors import MtlbenchError
from mtlbench.plugin.catalog import Catalog
from mtlbench.results.schema import Parameters, Record, run_id
from mtlbench.results.store import load_record, write_record

_RUNNERS = itertools.count()


@dataclass(frozen=True)
class RunOptions:
    """Say where and how to run; nothing here changes what is learnt but the seed."""

    seed: int
    work_dir: Path
    device: str = "cpu"
    resume: bool = True
    demo: bool = False
    trackers: tuple[str, ...] = ()
    shard: bool = False


def run(
    experiment: Experiment,
    datasets: tuple[Dataset, Dataset],
    catalog: Catalog,
    options: RunOptions,
    console: Console,
) -> tuple[Record, Path]:
    """Train, evaluate and record; go on from the newest checkpoint when there is one.

    Returns:
        the record and where it is written. A finished run of the same config and seed is returned as it is.

    Raises:
        RunError: the device or the work dir cannot be used, or a metric is not a number.
        CheckpointError: a checkpoint cannot be written, or belongs to another run.
        NonFiniteLoss: training diverged.
    """
    require_device(options.device)
    tracking.require(options.trackers)
    distributed.initialise(options.device)
    name = run_id(experiment.name, experiment.hash, options.seed)
    path = options.work_dir / f"{name}.json"
    with owned(options.work_dir):
        if not options.resume and distributed.rank() == 0:
            forget(options.work_dir)
        distributed.barrier()
        if path.exists():
            return load_record(path), path
        with run_log(options.work_dir / "train.log") as log:
            try:
                return _run(experiment, datasets, catalog, options, console, log), path
            except MtlbenchError as error:
                log.error("%s", error)
                raise


def _run(
    experiment: Experiment,
    datasets: tuple[Dataset, Dataset],
    catalog: Catalog,
    options: RunOptions,
    console: Console,
    log: logging.Logger,
) -> Record:
    work_dir, schedule = options.work_dir, experiment.schedule
    identity = {
        "config": experiment.hash,
        "seed": options.seed,
        "processes": distributed.world_size(),
    }
    components = register(experiment, catalog)
    tasks = build_tasks(experiment)
    kinds: dict[str, str] = {name: task.label_kind for name, task in tasks.items()}
    seed_everything(options.seed, BUILD)
    model = build_model(experiment, tasks)
    if not options.shard:
        model.to(options.device)
    drawn = labels_of(experiment, datasets[0], catalog, options.seed)
    saved = checkpoint.load_latest(work_dir / "checkpoints", log.warning)
    start = saved["step"] if saved else 0
    loader, epoch_length = train_loader(experiment, datasets[0], kinds, options.seed, start)
    steps = schedule.iterations or (schedule.epochs or 0) * epoch_length

    size = image_size(experiment, datasets[1], kinds)
    dead = dead_parameters(model, size)
    fresh = count(model, dead)
    macs, passes = macs_per_image(model, size)
    combination = combine_gradients(model, size)
    if saved:
        restore_structure(saved, identity, model)
    if options.shard:
        shard_frozen(model, options.device)
    if combination:
        combination.prepare()
    if saved:
        restore_values(saved, model)
    optimizer = build_optimizer(
        experiment.optimizer, freezing.optimizer_groups(model, experiment.optimizer.weight_decay)
    )
    epochs, cost = EpochHook(combination.conflicts if combination else None), CostHook()
    if saved:
        optimizer.load_state_dict(saved["optimizer"])
        epochs.load(saved["epochs"])
        cost.seconds_before = saved["train_seconds"]
        console.print(f"Going on from step {start} of {steps}.")
    log.info("seed %d, %s, steps %d to %d, parameters %s", options.seed, identity, start, steps, fresh)

    trackers = options.trackers if distributed.rank() == 0 else ()
    told = tracking.TrackingHook(trackers, experiment, options.seed, work_dir, epochs, log)
    progress = ProgressHook(f"{experiment.name} seed {options.seed}", console)
    keep = RunCheckpointHook(work_dir / "checkpoints", schedule.checkpoint_every, identity, epochs, cost)
    runner = build_runner(
        experiment,
        model,
        optimizer,
        loader,
        (start, steps, epoch_length),
        options,
        combination,
        [StepHook(options.seed, schedule, experiment.optimizer.lr), epochs, keep, cost, progress, told],
    )
    try:
        runner.train()
    finally:
        progress.close()

    if model.adapter.recalibration:
        batches, _ = train_loader(experiment, datasets[0], kinds, options.seed, 0)
        recalibrate(model, batches, model.adapter.recalibration)
    images = eval_loader(experiment, datasets[1], kinds)
    hidden = not console.is_terminal or distributed.rank() > 0
    shown = track(images, "evaluation", len(images), console=console, transient=True, disable=hidden)
    rounds = eval_rounds(experiment, datasets[1]) if options.shard else 0
    metrics, replicates = evaluate(model, shown, experiment.evaluation.mode, rounds, size)
    log.info("metrics %s", metrics)
    record = make_record(
        experiment,
        options.seed,
        tasks,
        metrics,
        epochs,
        replicates=replicates,
        demo=options.demo,
        label_draw=drawn.hash if drawn.hides else None,
        components=components,
        parameters=Parameters(**fresh.as_dict(), peak=fresh.trainable, final=count(model, dead).trainable),
        cost=make_cost(
            cost, macs, passes, schedule.batch_size, epoch_length, (saved or {}).get("step_ms_first")
        ),
        iterations=steps,
        provenance=make_provenance(components, datasets, options.device, model.backbone.fingerprint()),
    )
    if distributed.rank() == 0:
        with writing("record", work_dir):
            sheet = not options.shard  # for which this process would run the backbone alone
            pictures.draw(model, experiment, datasets[1], kinds, epochs, work_dir / "pictures", sheet)
            if drawn.hides:
                drawn.save(work_dir / LABELS)
            write_record(record, work_dir)
    distributed.barrier()
    told.finish(record, steps)  # last: it may wait for a network
    return record


def combine_gradients(model: MultiTaskModel, size: tuple[int, int]) -> Combination | None:
    """Return what combines the gradients of tasks, where the balancer does; `size` is that of an image.

    Raises:
        RunError: tasks share nothing in the balancer's scope.
    """
    balancer = gradient_balancer(model.balancer)
    if balancer is None:
        return None
    own = owners(model, size)
    parameters = {name: p for name, p in model.named_parameters() if p in own}
    places = [site.path for site in model.backbone.sites() if site.role == "block"]
    return Combination(balancer, parameters, own, places)


def image_size(experiment: Experiment, dataset: Dataset, kinds: dict[str, str]) -> tuple[int, int]:
    """Return (H, W) of the first image that the model sees in evaluation."""
    height, width = next(iter(eval_loader(experiment, dataset, kinds)))["inputs"].shape[-2:]
    return height, width


def require_device(device: str) -> None:
    """Raise RunError unless tensors can live on the device."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # how torch says that a device is unknown or absent
        reason = str(error).splitlines()[0].rstrip(".")
        raise RunError(f"The device {device!r} cannot be used: {reason}. Try --device cpu.") from error


def build_runner(
    experiment: Experiment,
    model: MultiTaskModel,
    optimizer: torch.optim.Optimizer,
    loader: Any,
    span: tuple[int, int, int],
    options: RunOptions,
    combination: Combination | None,
    hooks: list[Any],
) -> Any:
    """Build the mmengine Runner of a run; `span` is (first step, last step, steps per epoch)."""
    import_torchvision()
    from mmengine.runner import Runner

    start, steps, epoch_length = span
    schedule = experiment.schedule
    none = ("timer", "logger", "param_scheduler", "checkpoint", "sampler_seed", "runtime_info")

    class Sharded(Runner):
        """Start from weights that every process built alike, as shares of them can't be sent around."""

        def _init_model_weights(self) -> None:
            pass

    return (Sharded if options.shard else Runner)(
        model=model,
        work_dir=str(options.work_dir / "log"),
        train_dataloader=loader,
        train_cfg={"type": StepLoop, "max_iters": steps, "epoch_length": epoch_length, "start": start},
        optim_wrapper=BalancedOptimWrapper(
            optimizer, model, schedule.clip_grad, schedule.accumulate, schedule.amp, combination
        ),
        default_hooks=dict.fromkeys(none),
        custom_hooks=hooks,
        default_scope="mtlbench",
        log_level="ERROR",
        randomness={"seed": options.seed},
        # mmengine hands out what a runner of this name had before, its folder included
        experiment_name=f"{experiment.name}-seed{options.seed}-{next(_RUNNERS)}",
        cfg={"experiment": experiment.canonical()},
    )

"""Measure how alike tasks' gradients are, and print the grouping that `progts` should have for it::

    python -m mtlbench_progts.similarity configs/progts_synthrooms.py --counts 1 1 2 5

The model of the config is built with updates that all tasks share and takes the first `--steps` of a run.
Then, on `--batches` further training batches, every task's loss is differentiated with respect to them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mtlbench.errors import MtlbenchError
from mtlbench_progts.grouping import STAGES, Partition, group_tasks

if TYPE_CHECKING:
    from torch import Tensor

    from mtlbench.engine.config import Experiment
    from mtlbench.engine.model import MultiTaskModel
    from mtlbench.plugin.catalog import Catalog


def similarity(
    experiment: Experiment,
    catalog: Catalog,
    *,
    steps: int = 100,
    batches: int = 32,
    seed: int = 0,
    device: str = "cpu",
) -> tuple[tuple[str, ...], Tensor]:
    """Return the tasks and the mean of cos(g(x, t), g(x', t')) (T, T) over all pairs of batches x, x'.

    g(x, t) is the gradient of task t's unweighted loss on x with respect to all shared updates. The mean is
    the product of the tasks' mean unit gradients; a diagonal below 1 says how far a task's own scatter.

    Raises:
        MtlbenchError: the experiment has another adapter, or a task had no label in any batch.
    """
    import torch

    from mtlbench.engine.config import Component
    from mtlbench.engine.datasets import open_datasets, train_loader
    from mtlbench.engine.loop import BUILD, seed_everything
    from mtlbench.engine.model import build_model, build_tasks
    from mtlbench.engine.registries import register

    if experiment.adapter.type != "progts":
        raise MtlbenchError(
            f'Similarity is measured on updates of the adapter "progts", and this config has '
            f'"{experiment.adapter.type}": name a config with adapter = dict(type="progts").'
        )
    options = {**experiment.adapter.options, "groups": ("shared",) * STAGES}
    experiment = experiment.model_copy(update={"adapter": Component(type="progts", **options)})
    train, _ = open_datasets(experiment, catalog)
    register(experiment, catalog)
    tasks = build_tasks(experiment)
    kinds: dict[str, str] = {name: task.label_kind for name, task in tasks.items()}
    seed_everything(seed, BUILD)
    model = build_model(experiment, tasks).to(device).train()
    loader, epoch_length = train_loader(experiment, train, kinds, seed, 0)
    drawn = iter(loader)
    _train(experiment, model, drawn, steps, seed, epoch_length)
    parameters = [p for p in model.backbone.parameters() if id(p) in model.injected]
    sums: dict[str, Any] = dict.fromkeys(tasks, 0)
    seen = dict.fromkeys(tasks, 0)
    for step in range(steps, steps + batches):
        seed_everything(seed, step)
        for name, gradient in gradients(model, next(drawn), parameters).items():
            sums[name] = sums[name] + gradient / gradient.norm()
            seen[name] += 1
    unseen = [name for name, count in seen.items() if not count]
    if unseen:
        raise MtlbenchError(f"No image of {batches} batches is labelled for {unseen[0]}: raise --batches.")
    means = torch.stack([sums[name] / seen[name] for name in tasks])
    return tuple(tasks), means @ means.T


def gradients(model: MultiTaskModel, batch: Any, parameters: Sequence[Any]) -> dict[str, Tensor]:
    """Return, per labelled task, the gradient of its loss on a batch with respect to `parameters`, flat."""
    import torch

    losses = model(**model.data_preprocessor(batch, True), mode="loss").active
    return {
        name: torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, retain_graph=True)])
        for name, loss in losses.items()
    }


def _train(
    experiment: Experiment, model: MultiTaskModel, drawn: Iterator[Any], steps: int, seed: int, epoch: int
) -> None:
    """Take the first steps of a run; `epoch` is the number of steps of one."""
    from mtlbench.engine.freezing import optimizer_groups
    from mtlbench.engine.loop import seed_everything
    from mtlbench.engine.optim import BalancedOptimWrapper, build_optimizer, learning_rate_factor

    options, schedule = experiment.optimizer, experiment.schedule
    length = schedule.iterations or (schedule.epochs or 0) * epoch
    optimizer = build_optimizer(options, optimizer_groups(model, options.weight_decay))
    wrapper = BalancedOptimWrapper(optimizer, model, schedule.clip_grad, schedule.accumulate, schedule.amp)
    for step in range(steps):
        seed_everything(seed, step)
        factor = learning_rate_factor(step, length, schedule.warmup, schedule.curve, schedule.final_lr)
        for group in optimizer.param_groups:
            group["lr"] = options.lr * factor
        model.train_step(next(drawn), optim_wrapper=wrapper)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a config, print the cosines and the option `groups`."""
    from mtlbench.engine.config import load_experiment
    from mtlbench.plugin.catalog import Catalog

    parser = argparse.ArgumentParser(prog="mtlbench_progts.similarity", description=__doc__.splitlines()[0])
    parser.add_argument("config", help="with the adapter progts; its groups are not read")
    parser.add_argument("--counts", type=int, nargs=STAGES, help="groups per stage; default: 1 1 2 T")
    parser.add_argument("--steps", type=int, default=100, help="of training before the measurement")
    parser.add_argument("--batches", type=int, default=32, help="that gradients are taken on")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2), help="whose cosines are averaged")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cfg-options", nargs="+", default=(), metavar="KEY=VALUE", help="as of a run")
    options = parser.parse_args(arguments)
    experiment = load_experiment(options.config, options.cfg_options)
    counts = options.counts or [1, 1, min(2, len(experiment.tasks)), len(experiment.tasks)]
    if sorted(counts) != counts or not 1 <= counts[0] <= counts[-1] <= len(experiment.tasks):
        parser.error(f"--counts must not fall, and lie between 1 and the {len(experiment.tasks)} tasks")
    catalog, measured = Catalog.load(), []
    for seed in options.seeds:
        tasks, affinity = similarity(
            experiment,
            catalog,
            steps=options.steps,
            batches=options.batches,
            seed=seed,
            device=options.device,
        )
        measured.append(affinity)
        print(f"seed {seed}:\n{_table(tasks, affinity.tolist())}\n")
    mean = (sum(measured) / len(measured)).tolist()
    print(f"mean:\n{_table(tasks, mean)}\n\ngroups={_option(tasks, group_tasks(mean, counts))}")


def _table(tasks: Sequence[str], affinity: Sequence[Sequence[float]]) -> str:
    width = max(map(len, tasks))
    lines = [" ".join([" " * width, *(task.rjust(width) for task in tasks)])]
    for task, row in zip(tasks, affinity, strict=True):
        lines.append(" ".join([task.ljust(width), *(f"{value:+.3f}".rjust(width) for value in row)]))
    return "\n".join(lines)


def _option(tasks: Sequence[str], groupings: Sequence[Partition]) -> str:
    """Write groupings as the option `groups` of a config."""
    words = {1: "shared", len(tasks): "alone"}
    return str(
        tuple(
            words.get(len(grouping)) or [[tasks[task] for task in group] for group in grouping]
            for grouping in groupings
        )
    )


if __name__ == "__main__":
    try:
        main()
    except MtlbenchError as error:
        raise SystemExit(f"Error: {error}") from None

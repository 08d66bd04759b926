"""Measure what shrinking gives back: step time, parameters and the optimiser's state, before and after a cut.

The ranks of every location and stream of the config's adapter are cut to one value, as after an epoch::

    python benchmarks/shrinking.py configs/faar_synthrooms.py --rank 4
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mtlbench.contracts.adapter import Selection
from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.freezing import optimizer_groups
from mtlbench.engine.loop import step_seed
from mtlbench.engine.model import build_model, build_tasks
from mtlbench.engine.optim import BalancedOptimWrapper, apply_selections, build_optimizer
from mtlbench.engine.parameters import count
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog

WARM_UP = 3


class Size(NamedTuple):
    """Hold one row of the table."""

    ranks: int
    adapter: int
    trainable: int
    state_bytes: int
    step_ms: float


def measure(model: Any, wrapper: BalancedOptimWrapper, batch: dict[str, Any], steps: int) -> Size:
    """Take steps as a run does, and return their median CPU time with the sizes afterwards."""
    seconds = []
    for step in range(WARM_UP + steps):
        start = time.process_time()
        model.adapter.before_step(step_seed(0, step))
        model.train_step(batch, wrapper)
        seconds.append(time.process_time() - start)
    report = count(model)
    states = [value for state in wrapper.optimizer.state.values() for value in state.values()]
    return Size(
        sum(rank for streams in model.adapter.rank_map().values() for rank in streams.values()),
        report.adapter,
        report.trainable,
        sum(value.numel() * value.element_size() for value in states if torch.is_tensor(value)),
        1e3 * statistics.median(seconds[WARM_UP:]),
    )


def cut(model: Any, wrapper: BalancedOptimWrapper, rank: int) -> None:
    """Keep the first `rank` slots of every location and stream."""
    selections = []
    for layer in model.backbone.modules():
        if hasattr(layer, "A") and hasattr(layer, "B"):
            for key in layer.A:
                keep = torch.arange(rank, device=layer.A[key].device)
                selections += [Selection(layer.A[key], 0, keep), Selection(layer.B[key], 1, keep)]
                setattr(layer, f"score_{key}", layer.get_buffer(f"score_{key}")[keep])
    apply_selections(selections, wrapper.optimizer)


def main() -> None:
    """Print the sizes before and after the cut."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, nargs="?", default=Path("configs/faar_synthrooms.py"))
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()
    experiment, catalog = load_experiment(args.config), Catalog.load()
    register(experiment, catalog)
    tasks = build_tasks(experiment)
    torch.manual_seed(0)
    model = build_model(experiment, tasks).train()
    groups = optimizer_groups(model, experiment.optimizer.weight_decay)
    wrapper = BalancedOptimWrapper(
        build_optimizer(experiment.optimizer, groups), model, experiment.schedule.clip_grad
    )
    kinds: dict[str, str] = {name: task.label_kind for name, task in tasks.items()}
    loader, _ = train_loader(experiment, open_datasets(experiment, catalog)[0], kinds, 0, 0)
    batch = next(iter(loader))
    before = measure(model, wrapper, batch, args.steps)
    cut(model, wrapper, args.rank)
    after = measure(model, wrapper, batch, args.steps)
    for name, old, new in zip(Size._fields, before, after, strict=True):
        print(f"{name:12s} {old:14,.1f} -> {new:14,.1f}   {new / old:.2f}")


if __name__ == "__main__":
    main()

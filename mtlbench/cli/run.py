"""Train an experiment and record it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mtlbench.engine.config import Experiment
    from mtlbench.plugin.catalog import Catalog


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--seeds", default="0", show_default=True, metavar="N [N ...]", help="One or several seeds.")
@click.option(
    "--work-dir", type=click.Path(path_type=Path), default=None, help="Default: runs/<config's name>."
)
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Where the dataset lies.")
@click.option("--device", default=None, help="'cpu' or 'cuda'; default: cuda where there is one.")
@click.option(
    "--resume/--restart", default=True, show_default=True, help="Go on from a checkpoint, or start anew."
)
@click.option(
    "--demo", is_flag=True, help="Run the config on a few generated images, briefly; no board accepts it."
)
@click.option(
    "--task", "only", multiple=True, help="Train only this task of a single-task config (repeatable)."
)
@click.option(
    "--cfg-options", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value of the config."
)
@click.option(
    "--shard", is_flag=True, help="Spread the backbone's frozen weights over the processes of torchrun."
)
@click.option("--tensorboard", is_flag=True, help="Write curves for TensorBoard, in the run's folder.")
@click.option("--wandb", is_flag=True, help="Tell Weights & Biases how the run goes.")
@click.option(
    "--mlflow", is_flag=True, help="Tell MLflow ($MLFLOW_TRACKING_URI, or files in the run's folder)."
)
@click.argument("more", nargs=-1, metavar="[...]")
def run(
    config: Path,
    seeds: str,
    work_dir: Path | None,
    data_root: Path | None,
    device: str | None,
    resume: bool,
    demo: bool,
    only: tuple[str, ...],
    overrides: tuple[str, ...],
    shard: bool,
    tensorboard: bool,
    wandb: bool,
    mlflow: bool,
    more: tuple[str, ...],
) -> None:
    """Train an experiment, evaluate it, and write its record.

    A run that was interrupted goes on from its newest checkpoint; a finished one is only shown again. Configs
    are Python files and are executed: run only what you trust.

    Example: mtlbench run configs/faar_synthrooms.py --seeds 0 1 2 --cfg-options schedule.iterations=100
    """
    from mtlbench.engine.config import load_experiment
    from mtlbench.engine.layout import parse_seeds, runs_of
    from mtlbench.plugin.catalog import Catalog

    catalog = Catalog.load()
    options = [*overrides, *(word for word in more if "=" in word)]
    experiment = load_experiment(config, options, _values(config, data_root, demo, work_dir))
    folder = work_dir or Path("runs") / (config.stem + ("-demo" if demo else ""))
    asked = {"tensorboard": tensorboard, "wandb": wandb, "mlflow": mlflow}
    trackers = tuple(name for name, wanted in asked.items() if wanted)
    # click gives an option one word; the words that follow `--seeds 0` arrive as further arguments
    for seed in parse_seeds([seeds, *(word for word in more if "=" not in word)]):
        for part, place in runs_of(experiment, folder, only):
            _one(part, config, catalog, place / f"seed{seed}", seed, device, resume, demo, trackers, shard)


def _values(config: Path, data_root: Path | None, demo: bool, work_dir: Path | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if demo:
        from mtlbench.engine.demo import prepare

        values |= prepare(config, (work_dir or Path("runs")) / "demo-data")
    if data_root is not None:
        values["+dataset.root"] = str(data_root)
    return values


def _one(
    experiment: Experiment,
    config: Path,
    catalog: Catalog,
    folder: Path,
    seed: int,
    device: str | None,
    resume: bool,
    demo: bool,
    trackers: tuple[str, ...],
    shard: bool,
) -> None:
    from mtlbench.engine.datasets import open_datasets

    # before torch is imported: a missing dataset is said at once
    datasets = open_datasets(experiment, catalog)

    import torch
    from rich.console import Console

    from mtlbench.boards.references import find_references
    from mtlbench.engine import distributed
    from mtlbench.engine.experiment import RunOptions
    from mtlbench.engine.experiment import run as run_experiment

    console = Console(soft_wrap=True)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    options = RunOptions(seed, folder, chosen, resume, demo, trackers, shard)
    record, path = run_experiment(experiment, datasets, catalog, options, console)
    if distributed.rank() == 0:
        from mtlbench.results.summary import summary_table

        references = find_references(record, config)
        click.echo(summary_table(record, references))
        click.echo(
            f"\nrecord      {path}\nlog         {folder / 'train.log'}\n"
            f"checkpoint  {folder / 'checkpoints'}\npictures    {folder / 'pictures'}"
        )

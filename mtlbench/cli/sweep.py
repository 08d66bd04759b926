"""Run a grid of experiments as one job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mtlbench.sweep.jobs import Outcome


@click.command()
@click.argument("configs", nargs=-1, required=True, metavar="CONFIGS...")
@click.option("--seeds", default="0", show_default=True, metavar="N [N ...]", help="Every run's seeds.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray", "slurm"]),
    default="local",
    show_default=True,
    help="Processes here, tasks of a Ray cluster, or an array of Slurm.",
)
@click.option(
    "--work-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="A config's runs lie below, where `mtlbench run` puts them.",
)
@click.option("--grid", multiple=True, metavar="KEY=A,B,...", help="An axis of the grid (repeatable).")
@click.option(
    "--cfg-options", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value of all configs."
)
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Where the dataset lies.")
@click.option("--device", default=None, help="'cpu' or 'cuda'; default: cuda where there is one.")
@click.option(
    "--jobs", type=click.IntRange(1), default=None, help="Runs at the same time; default: what fits."
)
@click.option("--threads", type=click.IntRange(1), default=None, help="CPU threads of a run.")
@click.option(
    "--memory", type=click.FloatRange(0, min_open=True), default=2.0, show_default=True, help="GiB of a run."
)
@click.option(
    "--gpus", type=click.FloatRange(0), default=0.0, show_default=True, help="GPUs of a run: ray, slurm."
)
@click.option("--address", default=None, help="Of a Ray cluster; default: one on this machine.")
@click.option(
    "--slurm", multiple=True, metavar="KEY=VALUE", help="partition, account, timeout_min, ... (repeatable)."
)
@click.option("--tensorboard", is_flag=True, help="Write curves of all runs for TensorBoard.")
@click.option("--wandb", is_flag=True, help="Tell Weights & Biases how all runs go.")
@click.option("--mlflow", is_flag=True, help="Tell MLflow how all runs go.")
def sweep(
    configs: tuple[str, ...],
    seeds: str,
    engine: str,
    work_dir: Path,
    grid: tuple[str, ...],
    overrides: tuple[str, ...],
    data_root: Path | None,
    device: str | None,
    jobs: int | None,
    threads: int | None,
    memory: float,
    gpus: float,
    address: str | None,
    slurm: tuple[str, ...],
    tensorboard: bool,
    wandb: bool,
    mlflow: bool,
) -> None:
    """Run a grid of experiments as one job.

    The grid is every config with every point of --grid and every seed. What is finished is not run again,
    and what was interrupted goes on: repeat the command. A run that fails stops no other; then the
    command exits with 1. Finished records are collected in WORK_DIR/records.

    Example: mtlbench sweep configs/lora_synthrooms.py --grid optimizer.lr=5e-4,1.5e-3,4.5e-3 --seeds 0 1 2
    """
    from rich.console import Console

    from mtlbench.engine.layout import parse_seeds
    from mtlbench.sweep.engine import Limits
    from mtlbench.sweep.jobs import parse_grid, plan
    from mtlbench.sweep.sweep import collect
    from mtlbench.sweep.sweep import sweep as run_sweep

    # click gives an option one word; what follows `--seeds 0` or `--cfg-options a=1` is among the configs
    more = [word for word in configs if "=" in word]
    if more and grid:
        raise click.UsageError(
            f"{more[0]!r}: with --grid, write --grid or --cfg-options before every KEY=..."
        )
    files = [Path(word) for word in configs if "=" not in word and not word.isdigit()]
    options = [*overrides, *more, *([f"+dataset.root={data_root}"] if data_root else [])]
    asked = {"tensorboard": tensorboard, "wandb": wandb, "mlflow": mlflow}
    planned = plan(
        files,
        parse_seeds([seeds, *(word for word in configs if word.isdigit())]),
        work_dir,
        options,
        parse_grid(grid),
        device,
        [name for name, wanted in asked.items() if wanted],
    )
    limits = Limits(jobs, memory, threads, gpus, address, dict(_pair(word) for word in slurm))
    try:
        outcomes = run_sweep(planned, engine, limits, Console(soft_wrap=True))
    except KeyboardInterrupt:
        click.echo(
            "Interrupted: runs go on from their last checkpoints when the command is repeated.", err=True
        )
        raise
    click.echo(_table(outcomes))
    if collect(outcomes, work_dir / "records"):
        click.echo(f"\nrecords     {work_dir / 'records'}")
    failed = [outcome for outcome in outcomes if outcome.record is None]
    for outcome in failed:
        click.echo(f"failed      {outcome.job.title}: {outcome.reason} ({outcome.job.console})", err=True)
    if failed:
        click.get_current_context().exit(1)


def _pair(word: str) -> tuple[str, str]:
    key, separator, value = word.partition("=")
    if not key or not separator:
        raise click.BadParameter(f"{word!r} is not written as KEY=VALUE.", param_hint="--slurm")
    return key, value


def _table(outcomes: Sequence[Outcome]) -> str:
    from tabulate import tabulate

    from mtlbench.boards.references import find_references
    from mtlbench.metrics.delta_m import delta_m

    records = [outcome.record for outcome in outcomes if outcome.record]
    tasks = sorted({task for record in records for task in record.primary})
    rows = []
    for job, record in ((outcome.job, outcome.record) for outcome in outcomes):
        if record is None:
            continue
        references = {t: mean for t, (mean, _) in find_references(record, job.config).items()}
        values = {task: primary.value for task, primary in record.primary.items()}
        better = {task: primary.higher_is_better for task, primary in record.primary.items()}
        known = references.keys() == values.keys()
        rows.append(
            [
                job.title,
                f"{delta_m(values, references, better):+.2f}" if known else "",
                *(f"{values[task]:.4g}" if task in values else "" for task in tasks),
            ]
        )
    return tabulate(rows, ["run", "Δm (%)", *tasks], disable_numparse=True)

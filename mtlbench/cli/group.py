"""Find out which tasks should be trained together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mtlbench.errors import MtlbenchError

if TYPE_CHECKING:
    from mtlbench.grouping.affinity import Affinity
    from mtlbench.grouping.search import Candidate, Cover

#: what each kind of input can be grouped by; the first is the default
METHODS = {
    "a config": ("lookahead", "gradient", "rsa"),
    "records": ("results", "transfer", "gradient"),
    "a matrix": ("matrix",),
}


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--budget", type=click.FloatRange(min=0, min_open=True), required=True, help="In units of one network."
)
@click.option(
    "--method",
    type=click.Choice(["lookahead", "gradient", "rsa", "results", "transfer"]),
    help="What is measured; default: lookahead from a config, results from records.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=100, show_default=True, help="First steps of a run."
)
@click.option(
    "--every", type=click.IntRange(min=1), default=10, show_default=True, help="Steps per measurement."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the run.")
@click.option(
    "--images", type=click.IntRange(min=3), default=64, show_default=True, help="Images that rsa compares on."
)
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of finished single-task runs, for rsa.")
@click.option("--device", help="'cpu' or 'cuda'; default: cuda where there is one.")
@click.option(
    "--single-cost",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Cost of a network for one task.",
)
@click.option("--alone", type=float, help="Score of a task alone, where the method has none.")
@click.option("--config", type=click.Path(path_type=Path), help="What the groups' configs inherit from.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Default: runs/<name of input>-groups."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--cfg-options", "overrides", multiple=True, metavar="KEY=VALUE", help="As of a run, while measuring."
)
def group(
    inputs: tuple[Path, ...],
    budget: float,
    method: str | None,
    steps: int,
    every: int,
    seed: int,
    images: int,
    runs: Path | None,
    device: str | None,
    single_cost: float,
    alone: float | None,
    config: Path | None,
    out: Path | None,
    as_json: bool,
    overrides: tuple[str, ...],
) -> None:
    """Measure which tasks help each other, and group them within a budget.

    INPUTS are one config, to measure from; or records, in files or folders, of one config on several sets of
    tasks; or the file of an affinity matrix. The best groups may overlap, and are found exactly. Writes the
    matrix, a picture of it and, where there is a config, one config per group.

    Example: mtlbench group configs/lora_synthrooms.py --budget 2 --method gradient --steps 50
    """
    from dataclasses import replace

    from mtlbench.grouping import report
    from mtlbench.grouping.search import best_cover

    measured: Sequence[Candidate] = ()
    if inputs[0].suffix == ".py":
        _check(method, "a config", inputs)
        affinity = _from_config(
            inputs[0], overrides, method or "lookahead", (steps, every, seed), device, images, runs
        )
        config = config or inputs[0]
    else:
        affinity, measured = _from_files(inputs, method)
    if alone is not None:
        known = tuple(alone if score is None else score for score in affinity.alone)
        affinity = replace(affinity, alone=known)
    cover = best_cover(affinity.candidates(measured, single_cost), affinity.tasks, budget)
    written = _write(affinity, cover, config, out or Path("runs") / f"{inputs[0].stem}-groups")
    if as_json:
        click.echo(json.dumps(report.as_dict(affinity, cover), indent=2))
        return
    click.echo(report.text(affinity, cover, budget) + "\n")
    for path in written:
        click.echo(f"wrote: {path}")


def _check(method: str | None, kind: str, inputs: Sequence[Path]) -> None:
    if kind != "records" and len(inputs) > 1:
        raise MtlbenchError(f"{inputs[0]} is {kind}, which comes alone: leave out {inputs[1]}.")
    if method is not None and method not in METHODS[kind]:
        ways = " or ".join(f"--method {way}" for way in METHODS[kind])
        instead = "leave out --method" if kind == "a matrix" else f"choose {ways}"
        raise MtlbenchError(f"{inputs[0]} is {kind}, which cannot be grouped by {method}: {instead}.")


def _from_config(
    config: Path,
    overrides: Sequence[str],
    method: str,
    start: tuple[int, int, int],
    device: str | None,
    images: int,
    runs: Path | None,
) -> Affinity:
    from mtlbench.engine.config import load_experiment
    from mtlbench.engine.datasets import open_datasets
    from mtlbench.plugin.catalog import Catalog

    catalog, experiment = Catalog.load(), load_experiment(config, overrides)
    open_datasets(experiment, catalog)  # before torch is imported: a missing dataset is said at once

    import torch

    from mtlbench.grouping.measure import Start, affinity

    chosen = Start(*start, device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if method != "rsa":
        return affinity(experiment, catalog, method, chosen)

    from mtlbench.grouping.features import single_task_features
    from mtlbench.grouping.rsa import similarity

    return similarity(single_task_features(experiment, catalog, chosen, images, runs))


def _from_files(inputs: Sequence[Path], method: str | None) -> tuple[Affinity, Sequence[Candidate]]:
    from mtlbench.grouping import results
    from mtlbench.grouping.affinity import load_affinity

    matrix = load_affinity(inputs[0]) if inputs[0].is_file() else None
    _check(method, "records" if matrix is None else "a matrix", inputs)
    if matrix is not None:
        return matrix, ()
    records = results.find_records(inputs)
    if method == "gradient":
        return results.from_conflicts(records), ()
    if method == "transfer":
        return results.from_wins(results.by_tasks(records)), ()
    return results.from_changes(results.by_tasks(records))


def _write(affinity: Affinity, cover: Cover, config: Path | None, folder: Path) -> list[Path]:
    from mtlbench.grouping.configs import write_configs
    from mtlbench.grouping.picture import draw_affinity

    try:
        folder.mkdir(parents=True, exist_ok=True)
        matrix, picture = folder / "affinity.json", folder / "affinity.png"
        matrix.write_text(json.dumps(affinity.as_dict(), indent=2) + "\n", encoding="utf-8")
        draw_affinity(affinity, picture)
        return [matrix, picture, *(write_configs(config, cover.groups, folder) if config else ())]
    except OSError as error:
        raise MtlbenchError(
            f"The groups cannot be written to {folder} ({error.strerror}). Choose another folder with --out."
        ) from error

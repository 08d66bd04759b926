"""Print the parameter report of a config."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@click.option("--names", is_flag=True, help="Print every parameter that trains, with its group and shape.")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def params(config: Path, as_json: bool, names: bool, overrides: tuple[str, ...]) -> None:
    """Count the parameters of a config by group, without data or weights.

    Example: mtlbench params configs/faar_vitb_nyud.py adapter.rank=32
    """
    from mtlbench.engine.config import load_experiment
    from mtlbench.engine.inspection import inspect_parameters
    from mtlbench.plugin.catalog import Catalog

    experiment = load_experiment(config, overrides)
    report, trained = inspect_parameters(experiment, Catalog.load())
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
        return
    width = max(len(group) for group in report.as_dict())
    for group, number in report.as_dict().items():
        click.echo(f"{group:<{width}}  {number:>13,}")
    if names:
        for group, name, shape in trained:
            click.echo(f"{group:<{width}}  {name}  {'x'.join(map(str, shape)) or 'scalar'}")

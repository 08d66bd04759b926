"""Show which plugins are installed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click

from mtlbench.plugin import Catalog


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array with every field.")
def plugins(as_json: bool) -> None:
    """List the installed plugins and what is broken.

    A broken plugin does not stop the others: only an experiment that needs it fails. Set
    MTLBENCH_STRICT_PLUGINS=1 to see its traceback.

    Example: mtlbench plugins --json
    """
    rows = _rows(Catalog.load())
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo(_table(rows))


def _rows(catalog: Catalog) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = [
        {
            "distribution": plugin.distribution,
            "version": plugin.version,
            "plugin": plugin.name,
            "components": dict(Counter(record.kind for record in plugin.records)),
            "error": None,
            "deprecations": list(plugin.deprecations),
        }
        for plugin in catalog.plugins
    ]
    broken: list[dict[str, Any]] = [
        {
            "distribution": plugin.distribution,
            "version": plugin.version,
            "plugin": plugin.name,
            "components": {},
            "error": plugin.reason,
            "deprecations": [],
        }
        for plugin in catalog.failed
    ]
    return sorted(loaded + broken, key=lambda row: (row["distribution"], row["plugin"]))


def _table(rows: list[dict[str, Any]]) -> str:
    from tabulate import tabulate

    cells = [(row["distribution"], row["version"], row["plugin"], _components(row)) for row in rows]
    return tabulate(
        cells,
        headers=["distribution", "version", "plugin", "components"],
        tablefmt="plain",
        disable_numparse=True,
    )


def _components(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"BROKEN: {row['error']}"
    found = ", ".join(f"{count} {kind}" for kind, count in row["components"].items())
    return "; ".join([found, *(f"DEPRECATED: {text}" for text in row["deprecations"])])

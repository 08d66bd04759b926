"""Show what experiments can name."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby

import click

from mtlbench.plugin import KINDS, Catalog, Entry


@click.command()
@click.argument("kind", type=click.Choice([*KINDS]), metavar="[KIND]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array with every field.")
def list_command(kind: str | None, as_json: bool) -> None:
    """List the components that experiments can name.

    KIND narrows the list to one kind: task, dataset, backbone, adapter, decoder, balancer, label_protocol
    or learner. A name marked CONFLICT is provided more than once: a config then has to say
    type="distribution:name". Plugins that failed to load are named on stderr.

    Example: mtlbench list adapter
    """
    catalog = Catalog.load()
    entries = catalog.entries(kind)
    if as_json:
        click.echo(json.dumps([_as_dict(catalog, entry) for entry in entries], indent=2))
    else:
        for name, group in groupby(entries, key=lambda entry: entry.record.kind):
            click.echo(f"{name}\n{_table(catalog, [*group])}\n")
    for plugin in catalog.failed:
        click.echo(f"plugin failed to load: {plugin}", err=True)


def _as_dict(catalog: Catalog, entry: Entry) -> dict[str, object]:
    return {
        "kind": entry.record.kind,
        **asdict(entry.record),
        "distribution": entry.distribution,
        "version": entry.version,
        "plugin": entry.plugin,
        "conflict": catalog.is_conflict(entry),
    }


def _table(catalog: Catalog, entries: list[Entry]) -> str:
    from tabulate import tabulate

    rows = [
        (
            "",
            entry.record.name,
            entry.record.summary,
            entry.distribution + (" CONFLICT" if catalog.is_conflict(entry) else ""),
        )
        for entry in entries
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)

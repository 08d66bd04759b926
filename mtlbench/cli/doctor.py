"""Look at an installation."""

from __future__ import annotations

import click

MARKS = {"ok": "ok    ", "note": "note  ", "broken": "BROKEN"}


@click.command()
@click.option("--torch/--no-torch", default=True, show_default=True, help="Start torch, which takes seconds.")
def doctor(torch: bool) -> None:
    """Say what is broken here, and how to mend it.

    Exits with 1 if something is. Looks at versions against what the bench needs, at plugins and clashes
    of names, at extras, at the folder of caches, at git, and whether torch starts and sees a GPU.

    Example: mtlbench doctor --no-torch
    """
    from mtlbench.plugin import Catalog
    from mtlbench.plugin.doctor import examine

    broken = 0
    for finding in examine(Catalog.load(), torch=torch):
        broken += finding.state == "broken"
        click.echo(f"{MARKS[finding.state]}  {finding.what}: {finding.found}")
        if finding.cure:
            click.echo(f"        -> {finding.cure}")
    click.echo(f"\n{broken} broken." if broken else "\nNothing is broken.")
    if broken:
        click.get_current_context().exit(1)

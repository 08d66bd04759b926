"""Begin a plugin."""

from __future__ import annotations

from pathlib import Path

import click

from mtlbench.plugin.records import KINDS


@click.command()
@click.argument("kind", type=click.Choice([*KINDS]), metavar="KIND")
@click.argument("name")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=Path("."), help="Default: here."
)
def new(kind: str, name: str, into: Path) -> None:
    """Write a plugin that works, to begin with.

    That is a distribution with one component, its tests and a config. KIND is one of task, dataset,
    backbone, adapter, decoder, balancer, label_protocol and learner. NAME is what a config will say:
    lowercase words joined by hyphens. Nothing is overwritten.

    Example: mtlbench new adapter my-lora
    """
    from mtlbench.plugin import Catalog
    from mtlbench.plugin.skeleton import write_skeleton

    taken = [entry for entry in Catalog.load().entries(kind) if entry.record.name == name]
    written = write_skeleton(kind, name, into)
    for path in written:
        click.echo(f"wrote: {path}")
    for entry in taken:
        click.echo(
            f'The {kind} "{name}" of {entry.distribution} {entry.version} is installed too: configs will '
            f'have to say type="{name}:{name}".',
            err=True,
        )
    root, config = written[0].parent.parent, written[3]
    click.echo(
        f'\nNext:\n    pip install -e "{root}[test]"\n    mtlbench list {kind}\n    python -m pytest {root}\n'
        f"    mtlbench run {config}\nThen make {written[0]} yours."
    )

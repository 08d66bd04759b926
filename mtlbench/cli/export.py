"""Export the trained model of a run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--to", type=click.Path(path_type=Path), default=None, help="Default: export, in the run's folder."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@click.option("--program/--no-program", default=True, show_default=True, help="Write model.pt2.")
@click.option("--size", type=(int, int), default=None, metavar="H W", help="Default: that of the evaluation.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    default=None,
    help="File of the backbone's pretrained weights.",
)
@click.option(
    "--data-root", type=click.Path(path_type=Path), default=None, help="Where the dataset lies, if needed."
)
def export(
    run: Path,
    to: Path | None,
    overwrite: bool,
    program: bool,
    size: tuple[int, int] | None,
    weights: Path | None,
    data_root: Path | None,
) -> None:
    """Write a trained model as weights and as a program without the bench.

    RUN is the folder of a run, or the record inside it.

    Merged weights in weights.safetensors, what one task alone adds in tasks/TASK.safetensors, a program for
    torch.export.load in model.pt2, and what they are in export.json. The program takes uint8 images
    (B, 3, H, W) of one size and any number, and is checked against the trained model before it is written.

    Example: mtlbench export runs/faar_synthrooms/seed0 --to faar-rooms
    """
    from mtlbench.engine.export import ExportOptions, summary
    from mtlbench.engine.export import export as export_run
    from mtlbench.plugin.catalog import Catalog

    options = ExportOptions(to, overwrite, program, weights, data_root, size)
    click.echo(summary(*export_run(run, Catalog.load(), options)))

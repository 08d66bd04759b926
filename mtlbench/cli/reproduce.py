"""Make the run of a record again."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--work-dir", type=click.Path(path_type=Path), default=None, help="Default: runs/reproduce/<run_id>."
)
@click.option(
    "--weights", type=click.Path(path_type=Path), default=None, help="File of the pretrained weights."
)
@click.option("--data-root", type=click.Path(path_type=Path), default=None, help="Where the dataset lies.")
@click.option("--device", default=None, help="'cpu' or 'cuda'; default: cuda where there is one.")
def reproduce(
    record: Path, work_dir: Path | None, weights: Path | None, data_root: Path | None, device: str | None
) -> None:
    """Make the run of a record again, and say whether it comes out.

    Trains from the config inside the record, with its seed; of the record nothing is executed. The file
    RUN_ID.verified.json then holds both runs' primary metrics, how much they differ, what the board allows,
    and where this was done. Exits with 1 if a difference is larger than that.

    Example: mtlbench reproduce leaderboards/synthrooms-v1/results/frozen/frozen-fefd5260-seed0.json
    """
    from mtlbench.boards.reproducing import board_of, comparison_table, tolerances
    from mtlbench.results.store import load_record, record_text, verification_file, write_atomically

    published = load_record(record)
    allowed = tolerances(published, board_of(record))

    import torch
    from rich.console import Console

    from mtlbench.engine.reproduce import reproduce as run_again
    from mtlbench.plugin.catalog import Catalog
    from mtlbench.results.verification import verify

    again = run_again(
        published,
        Catalog.load(),
        work_dir or Path("runs/reproduce") / published.run_id,
        device or ("cuda" if torch.cuda.is_available() else "cpu"),
        Console(soft_wrap=True),
        weights,
        data_root,
    )
    found = verify(published, record.read_bytes(), again, allowed)
    path = verification_file(record)
    write_atomically(path, record_text(found).encode())
    click.echo(comparison_table(found, {task: primary.unit for task, primary in published.primary.items()}))
    verdict = (
        "equal bit for bit"
        if found.equal
        else "within what is allowed"
        if found.within()
        else "NOT reproduced"
    )
    click.echo(f"\n{verdict}\nverification  {path}")
    if not found.within():
        click.get_current_context().exit(1)

"""Write a page about a run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Default: report.html in RUN.",
)
@click.option(
    "--leaderboards",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("leaderboards"),
    show_default=True,
    help="Folder of all boards, for the single-task references.",
)
def report(run: Path, output: Path | None, leaderboards: Path) -> None:
    """Write one HTML page about a run.

    It shows results, curves, pictures, cost, provenance and config. RUN is the folder of a run, or a
    record's file. The page needs nothing else and holds no script.

    Example: mtlbench report runs/faar_synthrooms/seed0
    """
    from mtlbench.boards.references import find_references
    from mtlbench.boards.submit import record_file
    from mtlbench.report.page import report as write
    from mtlbench.results.store import load_record, write_atomically

    path = record_file(run)
    record = load_record(path)
    folder = run if run.is_dir() else None
    target = output or (folder / "report.html" if folder else Path(f"{record.run_id}.html"))
    page = write(record, folder, find_references(record, leaderboards / "board"))
    write_atomically(target, page.encode())
    click.echo(f"wrote: {target}")

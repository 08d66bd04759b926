"""Render boards, submit records to them, check them."""

from __future__ import annotations

from pathlib import Path

import click

_leaderboards = click.option(
    "--leaderboards",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("leaderboards"),
    show_default=True,
    help="Folder of all boards.",
)


@click.group()
def board() -> None:
    """Render a board, submit a record to it, check its records.

    Example: mtlbench board render synthrooms-v1
    """


@board.command()
@click.argument("name")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file differs.")
@_leaderboards
def render(name: str, check: bool, leaderboards: Path) -> None:
    """Write README.md and plots of the board NAME (a name or a folder) from its records.

    Example: mtlbench board render synthrooms-v1 --check
    """
    from mtlbench.boards.board import find_board
    from mtlbench.boards.render import render as render_board

    folder = find_board(name, leaderboards)
    changed = render_board(folder, check)
    for file in changed:
        click.echo(f"{'differs from its records' if check else 'wrote'}: {folder / file}")
    if not changed:
        click.echo(f"{folder} is what its records say.")
    elif check:
        click.echo(f"Run: mtlbench board render {name}", err=True)
        click.get_current_context().exit(1)


@board.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--board", "name", required=True, help="Name or folder of the board.")
@_leaderboards
def submit(run: Path, name: str, leaderboards: Path) -> None:
    """Add the record of RUN, a run's folder or a record's file, to a board.

    Example: mtlbench board submit runs/faar_synthrooms/seed0 --board synthrooms-v1
    """
    from mtlbench.boards.board import find_board
    from mtlbench.boards.submit import submit as submit_record

    click.echo(f"wrote: {submit_record(run, find_board(name, leaderboards))}")


@board.command()
@click.argument("name")
@_leaderboards
def check(name: str, leaderboards: Path) -> None:
    """Check every record of the board NAME (a name or a folder); exit with 1 if one does not count.

    Example: mtlbench board check synthrooms-v1
    """
    from mtlbench.boards.admission import admit
    from mtlbench.boards.board import find_board, load_board

    folder = find_board(name, leaderboards)
    records, refusals = admit(folder, load_board(folder))
    for refusal in refusals:
        click.echo(f"refused: {refusal.path}: {refusal.reason}")
    click.echo(f"{len(records)} records count, {len(refusals)} do not.")
    if refusals:
        click.get_current_context().exit(1)

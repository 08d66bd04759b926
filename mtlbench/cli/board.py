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
    """Render a board, submit a record to it, check it, run it again.

    Example: mtlbench board render synthrooms-v1
    """


@board.command()
@click.argument("name")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file differs.")
@_leaderboards
def render(name: str, check: bool, leaderboards: Path) -> None:
    """Write README.md, index.html and plots of the board NAME (a name or a folder) from its records.

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
    """Check everything that lies on the board NAME (a name or a folder); exit with 1 if something is wrong.

    Every record must count, lie where its contents say and be what was first published; nothing else may lie
    beside records but verifications of them. Methods that lack a seed are listed.

    Example: mtlbench board check synthrooms-v1
    """
    from mtlbench.boards.board import find_board
    from mtlbench.boards.check import check as check_board

    found = check_board(find_board(name, leaderboards))
    for refusal in found.refusals:
        click.echo(f"refused: {refusal.path}: {refusal.reason}")
    for line in found.incomplete:
        click.echo(f"not ranked: {line}")
    if found.note:
        click.echo(found.note)
    click.echo(f"{found.count} records count, {len(found.refusals)} objections.")
    if found.refusals:
        click.get_current_context().exit(1)


@board.command()
@click.argument("name")
@click.option(
    "--work-dir", type=click.Path(file_okay=False, path_type=Path), default=None, help="Default: runs/NAME."
)
@click.option(
    "--jobs", type=click.IntRange(1), default=None, help="Runs at the same time; default: what fits."
)
@click.option("--method", "methods", multiple=True, help="Run only this method again (repeatable).")
@click.option(
    "--within",
    type=click.FloatRange(0, min_open=True),
    metavar="MINUTES",
    help="Run only what fits into MINUTES by the times in the records, drawn at random.",
)
@click.option("--draw", type=click.IntRange(0), metavar="SEED", help="Repeat a draw of --within.")
@_leaderboards
def rebuild(
    name: str,
    work_dir: Path | None,
    jobs: int | None,
    methods: tuple[str, ...],
    within: float | None,
    draw: int | None,
    leaderboards: Path,
) -> None:
    """Run every config of the board NAME with its seeds, and hold the results against its records.

    What is finished in WORK_DIR is not run again, and published records are never touched. Exits with 1 if a
    run failed or differs by more than the board allows.

    Example: mtlbench board rebuild synthrooms-v1 --within 60
    """
    import random

    from rich.console import Console

    from mtlbench.boards.board import find_board, load_board
    from mtlbench.boards.rebuild import drawn, jobs_of, only, pairs
    from mtlbench.boards.reproducing import rebuilt_table
    from mtlbench.sweep.engine import Limits
    from mtlbench.sweep.local import slots
    from mtlbench.sweep.sweep import sweep

    if draw is not None and within is None:
        raise click.UsageError("--draw repeats a draw of --within; pass --within, too.")

    folder = find_board(name, leaderboards)
    planned = jobs_of(folder, work_dir or Path("runs") / load_board(folder).name)
    if methods:
        planned = only(planned, methods)
    limits = Limits(jobs)
    if within is not None:
        draw = random.SystemRandom().randrange(10**6) if draw is None else draw
        at_once, total = slots(limits), len(planned)
        planned, seconds = drawn(folder, planned, 60 * within * at_once, draw)
        click.echo(
            f"{len(planned)} of {total} runs, drawn by --draw {draw}. Their records trained for "
            f"{seconds / 60:.0f} minutes; {at_once} run at a time."
        )
    outcomes = sweep(planned, "local", limits, Console(soft_wrap=True))
    text, beyond = rebuilt_table(pairs(folder, outcomes), load_board(folder))
    click.echo(text)
    failed = [outcome for outcome in outcomes if outcome.record is None]
    for outcome in failed:
        click.echo(f"failed: {outcome.job.title}: {outcome.reason} ({outcome.job.console})", err=True)
    finished = len(outcomes) - len(failed)
    click.echo(f"{finished} of {len(outcomes)} runs finished, {beyond} differ by more than is allowed.")
    if failed or beyond:
        click.get_current_context().exit(1)

"""Tell whether one method is better than another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mtlbench.boards.compare import Comparison


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--board", help="Name or folder of the board; default: the one that the runs were made for.")
@click.option(
    "--leaderboards",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("leaderboards"),
    show_default=True,
    help="Folder of all boards.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(first: str, second: str, board: str | None, leaderboards: Path, as_json: bool) -> None:
    """Say whether B is better than A, or noise explains the gap.

    Noise is that of the images that were scored and of the seeds that were run.

    A and B are each a method's name on the board, a record's file, or a folder below which a method's records
    lie, one per seed. The board gives the single-task references.

    Example: mtlbench compare lora faar --board synthrooms-v1
    """
    from mtlbench.boards.contenders import compare_named

    comparison = compare_named(first, second, board, leaderboards)
    click.echo(_json(comparison) if as_json else _text(comparison))


def _json(comparison: Comparison) -> str:
    from dataclasses import asdict

    return json.dumps({**asdict(comparison), "verdict": str(comparison)}, indent=2, ensure_ascii=False)


def _text(comparison: Comparison) -> str:
    from tabulate import tabulate

    first, second = comparison.names
    rows = [
        (task, *(f"{change:+.2f}" for change in changes), f"{gap.difference:+.2f} ± {gap.half_width:.2f}")
        for (task, changes), gap in zip(comparison.changes.items(), comparison.gaps.values(), strict=True)
    ]
    headers = ["change (%)", first, second, "difference (95 %)"]
    align = ["left", "right", "right", "right"]
    table = tabulate(rows, headers, tablefmt="simple", colalign=align, disable_numparse=True)
    seeds = " and ".join(map(str, comparison.seeds))
    counted = " and ".join(comparison.noise)
    note = f"Seeds: {seeds}. Intervals count the noise of {counted}."
    if "images" not in comparison.noise:
        note += " Not all records hold replicates, so that of images is left out."
    if comparison.fixed_references:
        note += " The references hold no replicates and are taken as they are."
    if "seeds" not in comparison.noise:
        note += " One side has a single seed, so that of seeds is left out."
    return f"{table}\n\n{comparison}\n{note}"

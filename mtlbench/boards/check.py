"""Look at everything that lies on a board, as its continuous integration does."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtlbench.boards.admission import Refusal
from mtlbench.boards.aggregate import Standing, aggregate
from mtlbench.boards.history import edited
from mtlbench.boards.papers import load_papers
from mtlbench.boards.reproducing import objections
from mtlbench.errors import printable
from mtlbench.results.errors import BadRecord
from mtlbench.results.store import MAX_BYTES, VERIFIED, load_record


@dataclass(frozen=True)
class Check:
    """Hold what is wrong with a board, what is incomplete, and what could not be looked at."""

    standing: Standing
    refusals: list[Refusal]
    incomplete: list[str]
    note: str

    @property
    def count(self) -> int:
        """Return the number of records that count."""
        return sum(len(method.records) for method in self.standing.methods)


def check(folder: Path) -> Check:
    """Check the board in `folder`.

    Wrong are: records that do not count, see `boards.admission`; files below ``results`` that are neither a
    record nor a verification of one; links; pages that nothing can be written to; records that are not what
    was first published. Incomplete, and not wrong, are methods without a rank, such as for want of a seed.

    Raises:
        BadBoard: ``board.toml`` or ``papers.toml`` is wrong.
    """
    folder, standing = Path(folder), aggregate(folder)
    load_papers(folder)
    changed, note = edited(folder)
    incomplete = [
        f"{method.name}: {'; '.join(method.problems)}"
        for method in (*standing.references.values(), *standing.unranked)
        if method.problems
    ]
    refusals = [*standing.refused, *_pages(folder), *_strangers(folder / "results"), *changed]
    return Check(standing, refusals, incomplete, note)


def _pages(folder: Path) -> Iterator[Refusal]:
    """Yield what `render` could not replace, or would write elsewhere."""
    plots = folder / "plots"
    for path in (folder / "README.md", folder / "index.html", plots, *sorted(plots.glob("*"))):
        name = printable(path.relative_to(folder).as_posix())
        if path.is_symlink():
            yield Refusal(name, "it is a link")
        elif path.exists() and path.is_dir() != (path == plots):
            yield Refusal(name, f"it is {'no' if path == plots else 'a'} folder")


def _strangers(results: Path) -> Iterator[Refusal]:
    """Yield what does not belong below `results`; records themselves are looked at elsewhere."""
    for root, folders, files in os.walk(results):
        for name in sorted((*folders, *files)):
            path = Path(root) / name
            place = printable(path.relative_to(results).as_posix())
            kind = path.lstat().st_mode
            if stat.S_ISLNK(kind):
                yield Refusal(place, "it is a link")
            elif stat.S_ISDIR(kind):
                continue
            elif not stat.S_ISREG(kind):
                yield Refusal(place, "it is no file")
            elif name.endswith(VERIFIED):
                yield from (Refusal(place, reason) for reason in _verification(path))
            elif not name.endswith(".json"):
                yield Refusal(place, "it is neither a record nor a verification")


def _verification(path: Path) -> list[str]:
    if path.lstat().st_size > MAX_BYTES:
        return ["it is too large"]
    record = path.with_name(path.name.removesuffix(VERIFIED) + ".json")
    try:
        return objections(path, record, load_record(record))
    except BadRecord as error:
        return [f"its record cannot be read: {error.reason}"]

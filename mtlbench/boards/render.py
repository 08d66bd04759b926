"""Write a board's README and plots from its records, and notice when they are not what the records say."""

from __future__ import annotations

from pathlib import Path

from mtlbench.boards.admission import frozen_part
from mtlbench.boards.aggregate import Standing, aggregate
from mtlbench.boards.markdown import code, escape
from mtlbench.boards.plots import draw, same_picture
from mtlbench.boards.tables import cost_table, provenance_table, ranking_table
from mtlbench.results.store import write_atomically

RANKING_NOTE = """\
Each number is the mean ± the sample standard deviation over the seeds. Δm is the mean signed change of all
tasks against the single-task references, in percent; positive means better. `=` marks methods whose gap to
the best of their rank is no larger than one standard deviation of that gap. The first row sums the parameters
of one model per task."""

COST_NOTE = """\
`dead` parameters are trainable, but no gradient ever reaches them. `peak` is the most that trained at once,
`final` what is left of them after pruning. MACs and passes of the backbone are per image, step time is the
median of training steps. The first row sums the single-task models; its memory is the largest of theirs."""


def render(folder: Path, check: bool = False) -> list[str]:
    """Render the board in `folder` and return the files that differed; write them unless `check`.

    A picture that another version of matplotlib drew from the same numbers does not differ.
    """
    folder, standing = Path(folder), aggregate(folder)
    pictures = draw(standing)
    files = {"README.md": readme(standing, [*pictures]).encode(), **pictures}
    changed = []
    for name, content in files.items():
        path = folder / name
        old = path.read_bytes() if path.is_file() else None
        if old is None or not (same_picture(old, content) if name in pictures else old == content):
            changed.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)
    return changed


def readme(standing: Standing, pictures: list[str]) -> str:
    """Return the markdown page of a board; the same records give the same text."""
    board = standing.board
    paragraphs = [
        f"<!-- Written by `mtlbench board render {board.name}`; edits are lost. -->",
        f"# {escape(board.title)}",
        escape(board.description),
        f"Rebuild this page from its records with `mtlbench board render {board.name}`.\n"
        f"The board's own records are runs of {', '.join(map(code, board.configs))}\n"
        f"with the seeds {', '.join(map(str, board.seeds))}.",
        "## Ranking",
        ranking_table(standing),
        RANKING_NOTE,
        *_pictures(pictures),
        "## Cost",
        cost_table(standing),
        COST_NOTE,
        *_machines(standing),
        "## Provenance",
        provenance_table(standing),
        *_protocol(standing),
        *_unranked(standing),
        *_refused(standing),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _pictures(names: list[str]) -> list[str]:
    titles = {"plots/delta-cost.svg": "Δm against cost", "plots/tasks.svg": "change of each task"}
    return [f"![{titles[name]}]({name})" for name in names]


def _machines(standing: Standing) -> list[str]:
    runs = [run for method in standing.methods for run in method.records]
    kinds = {(run.provenance.device, run.provenance.threads) for run in runs}
    if len(kinds) < 2:
        return []
    return [f"**Made on {len(kinds)} kinds of device or numbers of threads: compare times within one.**"]


def _protocol(standing: Standing) -> list[str]:
    runs = [run for method in standing.methods for run in method.records]
    if not runs:
        return []
    first = runs[0]
    splits = sorted(first.provenance.data.items())
    data = ", ".join(f"{escape(split)} {code(mark[:12])}" for split, mark in splits)
    weights = code(first.provenance.weights[:12]) if first.provenance.weights else "none"
    shared = frozen_part(first, standing.board).protocol_hash
    free = f" but for {' and '.join(map(code, standing.board.free))}" if standing.board.free else ""
    return [
        f"All records share protocol `{shared[:12]}`{free}, selection rule `{first.selection}`, "
        f"data {data or 'without a fingerprint'}, and pretrained weights {weights}."
    ]


def _unranked(standing: Standing) -> list[str]:
    problems = [
        f"- {escape(method.name)}: {escape('; '.join(method.problems))}"
        for method in (*standing.references.values(), *standing.unranked)
        if method.problems
    ]
    return ["## Not ranked", "\n".join(dict.fromkeys(problems))] if problems else []


def _refused(standing: Standing) -> list[str]:
    refused = [f"- {escape(path)}: {escape(reason)}" for path, reason in standing.refused]
    return ["## Refused records", "\n".join(refused)] if refused else []

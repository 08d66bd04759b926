"""Write a board's pages and plots from its records, and notice when they are not what the records say."""

from __future__ import annotations

from pathlib import Path

from mtlbench.boards.admission import frozen_part
from mtlbench.boards.aggregate import Standing, aggregate
from mtlbench.boards.board import Board
from mtlbench.boards.markdown import code, escape
from mtlbench.boards.page import page
from mtlbench.boards.paper_tables import paper_sections
from mtlbench.boards.papers import Papers, load_papers
from mtlbench.boards.plots import draw, same_picture
from mtlbench.boards.ranks import rank_maps
from mtlbench.boards.tables import cost_table, provenance_table, rank_table, ranking_table
from mtlbench.results.store import write_below

TITLES = {
    "plots/delta-cost.svg": "Δm against cost",
    "plots/tasks.svg": "change of each task",
    "plots/ranks.svg": "chosen rank of every place and stream",
}

RANKING_NOTE = """\
Each number is the mean ± the sample standard deviation over the seeds. Δm is the mean signed change of all
tasks against the single-task references, in percent; positive means better. `=` marks methods whose gap to
the best of their rank is no larger than one standard deviation of that gap. The first row sums the parameters
of one model per task. Behind the seeds, ✓ counts the runs that somebody made again with `mtlbench reproduce`
within the board's tolerances, and ✗ those that did not come out."""

COST_NOTE = """\
`dead` parameters are trainable, but no gradient ever reaches them. `peak` is the most that trained at once,
`final` what is left of them after pruning. MACs and passes of the backbone are per image, step time is the
median of training steps. The first row sums the single-task models; its memory is the largest of theirs."""

RANKS_NOTE = """\
Where an adapter chose its ranks: the mean over seeds at every place and stream of the best such methods;
blank means that the stream has no layer there. `± over places` is how far these means lie apart,
`± by chance` how far they would if all places had one rank but for what differs from seed to seed."""

EMPTY = """\
**No record yet.** Run one of the configs with the seeds above where the data lies, then hand in each run's
folder with `mtlbench board submit`. A method is ranked once the single-task references are there."""


def render(folder: Path, check: bool = False) -> list[str]:
    """Render the board in `folder` and return the files that differed; write them unless `check`.

    A picture that another version of matplotlib drew from the same numbers does not differ.
    """
    folder, standing = Path(folder), aggregate(folder)
    pictures = draw(standing)
    papers = load_papers(folder)
    text = readme(standing, [*pictures], papers)
    files = {"README.md": text.encode(), "index.html": page(standing, papers), **pictures}
    changed = []
    for name, content in files.items():
        path = folder / name
        old = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        if old is None or not (same_picture(old, content) if name in pictures else old == content):
            changed.append(name)
            if not check:
                write_below(folder, name, content)
    return changed


def readme(standing: Standing, pictures: list[str], papers: Papers | None = None) -> str:
    """Return the markdown page of a board; the same records give the same text.

    Args:
        standing: the board with its records.
        pictures: names of the plots that lie beside the page.
        papers: what others printed, shown in tables of its own.
    """
    board = standing.board
    if not standing.methods:
        return "\n\n".join([*_head(board), EMPTY, *paper_sections(papers), *_refused(standing)]) + "\n"
    paragraphs = [
        *_head(board),
        "## Ranking",
        ranking_table(standing),
        RANKING_NOTE,
        *_pictures(pictures, "plots/delta-cost.svg", "plots/tasks.svg"),
        "## Cost",
        cost_table(standing),
        COST_NOTE,
        *_machines(standing),
        *_ranks(standing, pictures),
        *paper_sections(papers),
        "## Provenance",
        provenance_table(standing),
        *_protocol(standing),
        *_unranked(standing),
        *_refused(standing),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _head(board: Board) -> list[str]:
    return [
        f"<!-- Written by `mtlbench board render {board.name}`; edits are lost. -->",
        f"# {escape(board.title)}",
        escape(board.description),
        "[index.html](index.html), opened in a browser, sorts, filters and compares the same rows.\n"
        f"Rebuild this page from its records with `mtlbench board render {board.name}`.\n"
        f"The board's own records are runs of {', '.join(map(code, board.configs))}\n"
        f"with the seeds {', '.join(map(str, board.seeds))}.",
    ]


def _pictures(names: list[str], *wanted: str) -> list[str]:
    return [f"![{TITLES[name]}]({name})" for name in wanted if name in names]


def _machines(standing: Standing) -> list[str]:
    runs = [run for method in standing.methods for run in method.records]
    kinds = {(run.provenance.device, run.provenance.threads) for run in runs}
    if len(kinds) < 2:
        return []
    return [f"**Made on {len(kinds)} kinds of device or numbers of threads: compare times within one.**"]


def _ranks(standing: Standing, pictures: list[str]) -> list[str]:
    maps = rank_maps(standing)
    if not maps:
        return []
    return ["## Ranks", rank_table(maps), RANKS_NOTE, *_pictures(pictures, "plots/ranks.svg")]


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

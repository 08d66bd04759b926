"""Gather what a board's HTML page shows, as plain JSON."""

from __future__ import annotations

import itertools
from typing import Any

from mtlbench.boards.aggregate import Method, Spread, Standing
from mtlbench.boards.compare import DELTA, measured_changes
from mtlbench.boards.costs import AXES, mean_cost
from mtlbench.boards.gap import gap
from mtlbench.boards.papers import Papers

#: what a method is made of, and what the page can be filtered by
PARTS = ("adapter", "decoder", "balancer", "backbone", "learner", "label_protocol")
#: beyond this many methods, intervals of all pairs would be most of the page
MAX_COMPARED = 200


def page_data(standing: Standing, papers: Papers | None) -> dict[str, Any]:
    """Return the board, its methods, the intervals of their differences, and what papers printed.

    Spreads are [mean, standard deviation or null]; numbers have at most six significant digits.
    """
    board = standing.board
    methods = [*standing.ranked, *standing.unranked]
    return {
        "title": board.title,
        "description": board.description,
        "seeds": board.seeds,
        "tasks": [
            {"name": task.name, "title": task.title, "higher": task.higher_is_better} for task in board.tasks
        ],
        "axes": {key: title for key, (title, _) in AXES.items()},
        "axis": board.cost_axis,
        "references": {task: _spread(method.metrics[task]) for task, method in standing.references.items()},
        "methods": [_method(method) for method in methods],
        "gaps": _gaps(standing) if len(methods) <= MAX_COMPARED else {},
        "papers": _papers(papers) if papers else None,
    }


def _method(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "rank": method.rank,
        "tied": method.tied,
        "delta": _spread(method.delta),
        "metrics": {task: _spread(value) for task, value in method.metrics.items()},
        "changes": {task: _spread(value) for task, value in method.contributions.items()},
        "costs": {key: _short(mean_cost(method.records, read)) for key, (_, read) in AXES.items()},
        "seeds": len(method.records),
        "verified": method.verified,
        "contradicted": method.contradicted,
        "problems": list(method.problems),
        "parts": _parts(method),
        "run": method.records[0].run_id,
    }


def _parts(method: Method) -> dict[str, str]:
    """Return kind -> name; several balancers are joined by +."""
    components = method.records[0].components
    found = {}
    for kind in PARTS:
        names = [
            text.partition(":")[2].rpartition("==")[0]
            for place, text in sorted(components.items())
            if place.partition(".")[0] == kind
        ]
        if names:
            found[kind] = " + ".join(names)
    return found


def _gaps(standing: Standing) -> dict[str, list[list[float]]]:
    """Return, for Δm and every task, half the 95 % interval of each difference to a method before."""
    board = standing.board
    references = {task: method.records for task, method in standing.references.items()}
    if not standing.ranked or references.keys() != board.references.keys():
        return {}
    changes = [measured_changes(method.records, references, board) for method in standing.ranked]
    titles = [*board.references, DELTA]
    rows: dict[str, list[list[float]]] = {title: [[] for _ in changes] for title in titles}
    for (_, first), (row, second) in itertools.combinations(enumerate(changes), 2):
        count = min(first.shape[1], second.shape[1])
        paired = count if first.shape[1] == second.shape[1] else 1  # one of them holds no replicates
        for k, title in enumerate(titles):
            width = gap(first[:, :paired, k], second[:, :paired, k]).half_width
            rows[title][row].append(round(width, 2))
    return rows


def _papers(papers: Papers) -> dict[str, Any]:
    sources = {
        key: {"title": source.title, "where": source.where, "url": source.url}
        for key, source in papers.sources.items()
    }
    tables = []
    for group in papers.tables:
        rows = []
        for row in group.rows:
            found = group.recomputed(row)
            rows.append(
                {
                    "method": row.method,
                    "backbone": row.backbone,
                    "values": [
                        f"{row.values[metric.task]:.{metric.digits}f}" if metric.task in row.values else None
                        for metric in group.metrics
                    ],
                    "delta": row.delta,
                    "again": None if found is None else round(found[0], 2),
                    "disagrees": group.disagrees(row),
                    "parameters": row.parameters,
                    "note": row.note,
                    "counts": row.counts,
                    "source": row.source,
                }
            )
        titles = [metric.title for metric in group.metrics]
        tables.append({"title": group.title, "note": group.note, "metrics": titles, "rows": rows})
    return {"sources": sources, "tables": tables}


def _spread(value: Spread | None) -> list[float | None] | None:
    return None if value is None else [_short(value.mean), _short(value.std)]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")

"""Say how tasks help each other and how they are grouped, as text and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from mtlbench.grouping.affinity import ALONE, Affinity
from mtlbench.grouping.search import Candidate, Cover


def text(affinity: Affinity, cover: Cover, budget: float) -> str:
    """Return the matrix and a table of the groups."""
    rows = [
        [giver, *("" if z is None else f"{z:+.3g}" for z in row)]
        for giver, row in zip(affinity.tasks, affinity.values, strict=True)
    ]
    matrix = _table(rows, [f"{affinity.method}: helps →", *affinity.tasks])
    pairs = zip(cover.groups, cover.serves, strict=True)
    groups = [
        [str(number), ", ".join(group.tasks), _served(group, serves)]
        for number, (group, serves) in enumerate(pairs, start=1)
    ]
    table = _table(groups, ["", "trained together", "serves (score)"])
    lines = [f"{matrix}\n", f"Groups for a budget of {budget:g} networks, {cover.cost:g} used:\n", table]
    if any(group.approximate for group in cover.groups):
        lines.append("\n≈ approximated: the mean over pairs with each other task of the group")
    return "\n".join(lines)


def as_dict(affinity: Affinity, cover: Cover) -> dict[str, Any]:
    """Return the matrix and the groups as plain JSON."""
    pairs = zip(cover.groups, cover.serves, strict=True)
    groups = [
        {"tasks": [*group.tasks], "serves": [*serves], "scores": {**group.scores}, "cost": group.cost}
        for group, serves in pairs
    ]
    return {**affinity.as_dict(), "groups": groups, "cost": cover.cost}


def _served(group: Candidate, serves: Sequence[str]) -> str:
    sign = "≈ " if group.approximate else ""
    shown = {
        task: "alone" if group.scores[task] == ALONE else f"{sign}{group.scores[task]:+.3g}"
        for task in serves
    }
    return ", ".join(f"{task} ({score})" for task, score in shown.items())


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)

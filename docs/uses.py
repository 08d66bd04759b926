"""Find which configs name a component, and which rows of boards they became."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mtlbench.boards.aggregate import aggregate
from mtlbench.boards.board import load_board
from mtlbench.boards.tables import millions, spread
from mtlbench.plugin import KINDS

ROOT = Path(__file__).resolve().parent.parent


class Use(NamedTuple):
    """Say that a config itself, not one that it inherits, names a component."""

    kind: str
    component: str
    path: str  # of the config, relative to the repository
    name: str  # of the experiment; empty for a piece that experiments inherit


@functools.cache
def uses() -> dict[tuple[str, str], list[Use]]:
    """Return (kind, component) -> its uses, ordered by config; nothing is executed."""
    found: dict[tuple[str, str], list[Use]] = {}
    for path in sorted(ROOT.glob("configs/**/*.py")):
        for use in _uses_in(path):
            found.setdefault((use.kind, use.component), []).append(use)
    return found


def _uses_in(path: Path) -> Iterator[Use]:
    values = {
        target.id: node.value
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    name = ast.literal_eval(values["name"]) if "name" in values else ""
    for kind in KINDS.keys() & values.keys():
        calls = [node for node in ast.walk(values[kind]) if isinstance(node, ast.Call)]
        words = [word.value for call in calls for word in call.keywords if word.arg == "type"]
        for component in sorted({ast.literal_eval(word) for word in words}):
            yield Use(kind, component, path.relative_to(ROOT).as_posix(), name)


@functools.cache
def rows() -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    """Return (config, name of the row) -> the boards where it is ranked, with Δm and cost."""
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for path in sorted(ROOT.glob("leaderboards/*/board.toml")):
        configs = load_board(path.parent).configs
        names = {use.path: use.name for each in uses().values() for use in each}
        for method in aggregate(path.parent).ranked:
            delta = spread(method.delta, 2, signed=True)
            cost = millions(method.records[0].parameters.trainable)
            for config in configs:
                if names.get(config) == method.name:
                    found.setdefault((config, method.name), []).append((path.parent.name, delta, cost))
    return found

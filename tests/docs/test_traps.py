"""Every trap on the page is held by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/traps.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| ([EPTM]\d+) (\|.*\|)$", PAGE, re.MULTILINE))
TESTS = re.compile(r"`((?:tests|mtlbench/testing)/[\w/]+\.py)::(\w+)`")


def functions(path: str) -> set[str]:
    """Return the names of all functions of a file, methods included."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_no_trap_is_forgotten():
    assert list(ROWS) == [
        f"{letter}{number}"
        for letter, count in (("E", 8), ("P", 5), ("T", 11), ("M", 4))
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("trap", ROWS)
def test_a_trap_names_tests_that_exist(trap):
    held_by = ROWS[trap].strip("|").split("|")[-1]
    named = TESTS.findall(held_by)
    assert named and len(named) == held_by.count("::")
    for path, name in named:
        assert name.startswith("test_") and name in functions(path), f"{path}::{name}"

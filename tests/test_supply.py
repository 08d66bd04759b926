"""Hold what the project says about its dependencies to what is installed and to itself."""

from __future__ import annotations

import importlib.metadata as metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)
DECLARED = {
    "build": PROJECT["build-system"]["requires"],
    "dependencies": PROJECT["project"]["dependencies"],
    **PROJECT["project"]["optional-dependencies"],
    **PROJECT["dependency-groups"],
}
LOCKED = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def here(requirement: Requirement) -> bool:
    """Say whether a requirement counts for the Python and the platform that run."""
    return requirement.marker is None or requirement.marker.evaluate()


def pins() -> dict[str, str]:
    """Return the version of each package that is locked here, by canonical name."""
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in filter(here, LOCKED)}


def closure(name: str, *extras: str) -> set[str]:
    """Return the canonical names of all that an installed distribution requires, however far away."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    todo = [(name, extra) for extra in ("", *extras)]
    while todo:
        if (at := todo.pop()) in seen:
            continue
        seen.add(at)
        try:
            lines = metadata.requires(at[0]) or ()
        except metadata.PackageNotFoundError:  # another build of torch needs it
            continue
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": at[1]}):
                found.add(canonicalize_name(requirement.name))
                todo += [(requirement.name, extra) for extra in ("", *requirement.extras)]
    return found


def test_the_lock_pins_all_that_the_tests_need():
    direct = [one.name for one in map(Requirement, DECLARED["dependencies"]) if here(one)]
    if other := [name for name in direct if metadata.version(name).partition("+")[0] != pins()[name]]:
        pytest.skip(f"versions that are not locked may need other packages: {', '.join(sorted(other))}")
    needed = closure("mtlbench", "test")
    assert {"torch", "mmengine", "sympy", "pyyaml", "execnet"} <= needed
    assert needed - pins().keys() == set()


def test_the_lock_names_one_version_each_and_no_source():
    assert [pin for pin in LOCKED if [bound.operator for bound in pin.specifier] != ["=="]] == []
    assert [pin for pin in LOCKED if pin.url or pin.extras] == []
    assert len(pins()) == len([*filter(here, LOCKED)])


@pytest.mark.parametrize("group", DECLARED)
def test_the_lock_is_within_the_bounds_of(group):
    wanted = [one for one in map(Requirement, DECLARED[group]) if here(one)]
    assert [str(one) for one in wanted if not one.specifier.contains(pins()[one.name])] == []


@pytest.mark.parametrize("group", DECLARED)
def test_every_dependency_has_a_lower_bound_and_a_reason(group):
    for line in DECLARED[group]:
        assert any(bound.operator == ">=" for bound in Requirement(line).specifier), line
        assert re.search(rf'"{re.escape(line)}"\]?,?  # .{{5,}}', TEXT), f"{line} has no reason beside it"

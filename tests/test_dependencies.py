"""What the project depends on is bounded with a reason, and locked whole."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r'^ {4}"(?P<requirement>[^"]+)",(?P<reason>  # \S.*)?$')


def locked() -> dict[str, list[Requirement]]:
    """Return the pins of constraints.txt by name, one for each environment."""
    pins: dict[str, list[Requirement]] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def closure(requirement: Requirement, found: set[str]) -> set[str]:
    """Add the names of an installed requirement and of all that it needs here."""
    for extra in ("", *requirement.extras):
        key = f"{canonicalize_name(requirement.name)}[{extra}]"
        if key not in found:
            found.add(key)
            for line in metadata.requires(requirement.name) or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    closure(needed, found)
    return found


def test_every_bound_has_its_reason():
    tables = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.scripts]")[0]
    blocks = re.findall(r"^[\w-]+ = \[\n((?: {4}.*\n)+)\]", tables, re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if re.search("[<>#]", line)]
    assert len(lines) > 30
    for line in lines:
        match = LINE.match(line)
        assert match, line
        bound = Requirement(match["requirement"]).specifier
        assert match["reason"] and any(part.operator in (">=", "~=", "==") for part in bound), line


def test_the_lock_pins_all_that_tests_need_here():
    pins, names = locked(), closure(Requirement("mtlbench[test]"), set())
    assert len(names) > 40
    for name in sorted({key.partition("[")[0] for key in names} - {"mtlbench"}):
        here = [pin for pin in pins.get(name, []) if pin.marker is None or pin.marker.evaluate()]
        assert len(here) == 1, name
        assert [part.operator for part in here[0].specifier] == ["=="], name

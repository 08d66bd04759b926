from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from mtlbench.cli import main

PAPERS = """
schema_version = 1

[sources.one]
title = "One | <b>paper</b>"
where = "CVPR 2030"
url = "https://example.org/1"

[[tables]]
title = "Table"
metrics = [
    { task = "semseg", metric = "mIoU", unit = "%", higher_is_better = true, digits = 2 },
    { task = "depth", metric = "rmse", unit = "m", higher_is_better = false, digits = 2 },
]

[[tables.rows]]
method = "single"
source = "one"
values = { semseg = 50.0, depth = 0.50 }

[[tables.rows]]
method = "right"
source = "one"
values = { semseg = 55.0, depth = 0.45 }
delta = 10.0
reference = "single"
parameters = 3.4

[[tables.rows]]
method = "wrong <script>"
source = "one"
values = { semseg = 55.0, depth = 0.45 }
delta = 12.0
reference = "single"
"""


@pytest.fixture
def papers() -> str:
    """Return a papers.toml of one table: a reference, a row whose Δm is right, and one whose Δm is not."""
    return PAPERS


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Return a function that runs a command, which may fail with one error and acts on no terminal."""
    return _cli


@pytest.fixture
def everything() -> Callable[[Path], dict[bytes, object]]:
    """Return a function that reads all below a folder."""
    return _everything


@pytest.fixture
def outside() -> Callable[[Path, Path], dict[bytes, object]]:
    """Return a function that reads all below a folder but the pages of a board."""
    return _outside


@pytest.fixture
def nothing_acts() -> Callable[[Path], None]:
    """Return a function that checks that the pages of a board are whole, and hold text only."""
    return _nothing_acts


def _cli(*words: object) -> Result:
    """Run a command, which may fail with one error that acts on no terminal."""
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert all(c.isprintable() or c == "\n" for c in result.output), ascii(result.output)
    if result.exit_code == 2:
        assert len(result.output.strip().splitlines()) == 1 and len(result.output) < 1000
    return result


def _everything(folder: Path) -> dict[bytes, object]:
    """Return what lies below a folder, byte by byte."""
    found: dict[bytes, object] = {}
    for root, folders, files in os.walk(os.fsencode(folder)):
        for path in (os.path.join(root, name) for name in (*folders, *files)):
            if os.path.islink(path):
                found[path] = os.readlink(path)
            elif os.path.isfile(path):
                found[path] = Path(os.fsdecode(path)).read_bytes()
            else:
                found[path] = None
    return found


def _outside(folder: Path, of: Path) -> dict[bytes, object]:
    """Return what lies below a folder, without the pages of the board `of`."""
    pages = tuple(os.fsencode(of / name) for name in ("README.md", "index.html", "plots/"))
    return {path: content for path, content in _everything(folder).items() if not path.startswith(pages)}


def _nothing_acts(folder: Path) -> None:
    """Check that the pages of a board are whole, hold text only, and what a terminal can show."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert all(c.isprintable() or c == "\n" for c in page)
    html = (folder / "index.html").read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    json.loads(data, parse_constant=pytest.fail)
    assert html.count("<script") == 2 == html.count("</script>")
    for picture in folder.glob("plots/*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(picture).iter()}
        assert not tags & {"script", "foreignObject", "image", "a"}

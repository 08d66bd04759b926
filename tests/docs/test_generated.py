from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from mtlbench.cli import COMMANDS
from mtlbench.contracts.adapter import Adapter
from mtlbench.plugin import KINDS

ROOT = Path(__file__).parents[2]


def test_committed_pages_are_what_the_code_says(generate):
    stale = [str(path) for path, text in generate.pages().items() if not generate.is_written(path, text)]
    assert not stale, f"run `python docs/generate.py`: {stale}"


def test_every_command_is_in_the_reference(generate):
    headings = {line for line in generate.cli_page().splitlines() if line.startswith("## ")}
    assert {f"## `mtlbench {name}`" for name in COMMANDS} <= headings
    assert "## `mtlbench data get`" in headings


def test_every_config_describes_itself(generate):
    paths = [*ROOT.glob("configs/**/*.py")]
    assert len(paths) > 5
    assert not [path.name for path in paths if not generate.config_row(path)[1]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_a_kind_names_every_abstract_method_and_component(generate, kind):
    page = generate.kind_page(kind)
    contract = getattr(__import__(f"mtlbench.contracts.{kind}", fromlist=["_"]), KINDS[kind].__name__)
    assert inspect.getdoc(contract) in page
    for name in contract.__abstractmethods__:
        assert f"### `{name}(" in page
    assert page.count("*To be implemented.*") >= len(contract.__abstractmethods__)


def test_attributes_keep_their_comments(generate):
    assert "| `trains: Collection[str] = ()` | roles of the backbone's own" in generate.kind_page("adapter")
    assert Adapter.trains == ()


def test_writes_what_differs_and_then_nothing(generate, tmp_path, monkeypatch, capsys):
    pages = {Path("docs/a.md"): "new\n", Path("b.md"): "kept\n"}
    (tmp_path / "b.md").write_text("kept\n")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "pages", lambda: pages)
    assert generate.write(check=True) == 1
    assert not (tmp_path / "docs").exists()
    assert generate.write(check=False) == 0
    assert (tmp_path / "docs/a.md").read_text() == "new\n"
    assert generate.write(check=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["not up to date: docs/a.md", "wrote: docs/a.md"]

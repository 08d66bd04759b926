from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest

from mtlbench.cli import main
from mtlbench.plugin import KINDS, Catalog, hookspecs

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "configs", "leaderboards", "benchmarks", "plugins")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/**/*.md"))])
COMPONENTS = [entry.record for entry in Catalog.load().entries() if entry.distribution == "mtlbench"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"^(?: {4}|.*&& |.*`)\S*?(mtlbench (?:[a-z]+)[^`&#\n]*)", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("record", COMPONENTS, ids=lambda record: f"{record.kind}-{record.name}")
def test_every_component_has_its_page(record, generate):
    page = ROOT / "docs/plugins" / generate.page_of(record.kind, record.name)
    assert page.is_file(), f"write {name_of(page)}"
    text = page.read_text(encoding="utf-8")
    if record.kind == "task":
        assert f"| `{record.name}` |" in text
    else:
        title = text.splitlines()[0].replace("`", "").removeprefix("# ").partition(":")[0]
        assert title == record.name
        assert f'type="{record.name}"' in text, "show how a config names it"


def test_no_two_components_share_a_page_but_tasks(generate):
    pages = [generate.page_of(record.kind, record.name) for record in COMPONENTS if record.kind != "task"]
    assert len(pages) == len(set(pages))


def test_every_page_of_a_plugin_is_about_something_that_exists(generate):
    known = {generate.page_of(record.kind, record.name) for record in COMPONENTS} | {"index.md"}
    assert {page.name for page in ROOT.glob("docs/plugins/*.md")} <= known


@pytest.mark.parametrize("kind", KINDS)
def test_every_hook_is_documented_with_its_signature(kind):
    hook = getattr(hookspecs, f"mtlbench_{kind}s")
    signature = f"`{hook.__name__}{inspect.signature(hook)}`".replace("'", "")
    for page in ("docs/plugins/index.md", f"docs/kinds/{kind}.md"):
        assert signature in (ROOT / page).read_text(encoding="utf-8"), page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_documentation_exist(page):
    for text in COMMAND.findall(page.read_text(encoding="utf-8")):
        words = shlex.split(text)[1:]
        command: click.Command = main
        while words and isinstance(command, click.Group):
            command, words = command.get_command(click.Context(command), words[0]), words[1:]
            assert command is not None, text
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        for word in words:
            if word.startswith("--") and word != "--help":
                assert word.partition("=")[0] in options, f"{text}: {word}"
            # the tutorial writes its own, and is done word for word elsewhere
            if re.fullmatch(r"configs/[a-z]\w*\.py", word) and page.name != "tutorial.md":
                assert (ROOT / word).is_file(), text


def test_commands_are_found_in_all_the_ways_they_are_written():
    text = "    mtlbench run a.py\n.venv/bin/x && .venv/bin/mtlbench list\nSee `mtlbench data get nyud`.\n"
    assert [command.strip() for command in COMMAND.findall(text)] == [
        "mtlbench run a.py",
        "mtlbench list",
        "mtlbench data get nyud",
    ]


def test_the_two_commands_of_the_readme_are_what_ci_runs():
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = re.findall(r"^ {4}(.* && .*)$", readme, re.MULTILINE)
    assert first.startswith("python3 -m venv .venv && ")
    for step in (*first.split(" && ")[1:], *second.split(" && ")):
        program, *arguments = step.removeprefix(".venv/bin/").split()
        assert re.search(rf'/{program}"[^\n]*{re.escape(" ".join(arguments))}', ci), step

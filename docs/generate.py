"""Write what the code determines: the command line, a page per kind, the list of configs, ends of pages.

python docs/generate.py            # write them
python docs/generate.py --check    # write nothing; exit with 1 and name those that differ
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from mtlbench.cli import main as mtlbench
from mtlbench.engine.config import Experiment
from mtlbench.plugin import KINDS, Catalog

sys.path.append(str(Path(__file__).resolve().parent))
from uses import Use, rows, uses  # beside this file

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by docs/generate.py. -->"
REST = "<!-- The rest is written by docs/generate.py. -->"


def pages() -> dict[Path, str]:
    """Return path, relative to the repository, -> text of every generated page."""
    found = {
        Path("docs/cli.md"): cli_page(),
        Path("configs/README.md"): configs_page(),
        Path("docs/faults.md"): faults_page(),
    }
    found |= {Path(f"docs/kinds/{kind}.md"): kind_page(kind) for kind in KINDS}
    for kind, name in built_in():
        path = Path("docs/plugins", page_of(kind, name))
        if kind != "task" and (ROOT / path).is_file():
            found[path] = component_page(kind, name, (ROOT / path).read_text(encoding="utf-8"))
    return found


def built_in() -> list[tuple[str, str]]:
    """Return kind and name of every component of this distribution."""
    entries = Catalog.load().entries()
    return [(entry.record.kind, entry.record.name) for entry in entries if entry.distribution == "mtlbench"]


def component_page(kind: str, name: str, text: str) -> str:
    """Return the page of a component, with the configs that name it and their rows at the end."""
    found = uses().get((kind, name), [])
    pieces = [f"[{use.path}](../../{use.path})" for use in found if not use.name]
    lines = [row for use in found if use.name for row in use_rows(use)]
    return join(
        [
            text.partition(REST)[0].rstrip(),
            REST,
            "## Configs and rows",
            table(["config", "row", "board", "Δm (%)", "trainable (M)"], lines) if lines else "",
            f"Experiments inherit it from {', '.join(pieces)}." if pieces else "",
            "" if found else absence(kind, name),
        ]
    )


def absence(kind: str, name: str) -> str:
    """Return why no config names a component."""
    field = Experiment.model_fields.get(kind)
    if field and getattr(field.default, "type", None) == name:
        return "A config that names no other has it."
    return "No config that ships names it."


def use_rows(use: Use) -> list[list[str]]:
    """Return a line per board where the config has a row, or one line without a board."""
    config = f"[{Path(use.path).name}](../../{use.path})"
    standings = rows().get((use.path, use.name))
    if not standings:
        return [[config, use.name, "–", "–", "–"]]
    return [
        [config, use.name, f"[{board}](../../leaderboards/{board}/README.md)", delta, cost]
        for board, delta, cost in standings
    ]


def cli_page() -> str:
    """Return the help of every command, from the outermost inwards."""
    codes = "0 done, 1 a check found something, 2 what was asked is not possible, 130 interrupted with Ctrl-C"
    parts = ["# Command line", NOTE, f"Exit codes: {codes}."]
    for path, command, context in commands(mtlbench, "mtlbench"):
        parts += [f"## `{path}`", block(command.get_help(context))]
    return join(parts)


def commands(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield the path, the command and its context, for `command` and everything below it."""
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=100, **command.context_settings
    )
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from commands(command.get_command(context, below), below, context)


def configs_page() -> str:
    """Return a table of the configs with the comments that they start with."""
    experiments = sorted(ROOT.glob("configs/*.py"))
    study = sorted(ROOT.glob("configs/partial/*.py"))
    pieces = sorted(ROOT.glob("configs/_base_/**/*.py"))
    return join(
        [
            "# Configs",
            NOTE,
            "Each describes itself in its first lines. Run one with `mtlbench run configs/NAME.py`; "
            "a config is a Python file and is executed.",
            "## Experiments",
            table(["config", "what it is"], [config_row(path) for path in experiments]),
            "## The study of partial supervision",
            "See [partial supervision](../docs/partial-supervision.md).",
            table(["config", "what it is"], [config_row(path) for path in study]),
            "## Pieces that experiments inherit with `_base_`",
            table(["piece", "what it is"], [config_row(path) for path in pieces]),
        ]
    )


def faults_page() -> str:
    """Return the page on faults with what the chaos suite noted in ``docs/faults.json``, if it did."""
    page, figures_file = (ROOT / "docs" / name for name in ("faults.md", "faults.json"))
    text = page.read_text(encoding="utf-8")
    if not figures_file.is_file():
        return text
    head, _, rest = text.partition("<!-- figures -->")
    _, _, tail = rest.partition("<!-- end -->")
    noted = json.loads(figures_file.read_text(encoding="utf-8"))
    rows = [[fault, str(tried), str(survived)] for fault, (tried, survived) in sorted(noted.items())]
    total = [f"**{sum(int(row[column]) for row in rows)}**" for column in (1, 2)]
    figures = table(["fault", "tried", "survived"], [*rows, ["**all**", *total]])
    return f"{head}<!-- figures -->\n\n{figures}\n\n<!-- end -->{tail}"


def config_row(path: Path) -> list[str]:
    """Return a link to a config, and its first comment."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            break
        lines.append(line[2:])
    name = path.relative_to(ROOT / "configs").as_posix()
    return [f"[{name}]({name})", " ".join(lines)]


def kind_page(kind: str) -> str:
    """Return the contract of a kind, from its source, and what ships of it."""
    record = KINDS[kind].__name__
    text = (ROOT / f"mtlbench/contracts/{kind}.py").read_text(encoding="utf-8")
    source = text.splitlines()
    classes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    main = classes.pop(record)
    parts = [
        f"# {kind.replace('_', ' ').capitalize()}",
        NOTE,
        f"Hook: `mtlbench_{kind}s() -> Iterable[{record}]`. Record: `mtlbench.plugin.{record}`. "
        f"Contract: `mtlbench.contracts.{kind}.{record}`.",
        *class_parts(main, source),
    ]
    for name, node in classes.items():
        parts += [f"## `{name}`", *class_parts(node, source)]
    return join([*parts, "## What ships", shipped(kind)])


def class_parts(node: ast.ClassDef, source: list[str]) -> Iterator[str]:
    """Yield the docstring, the attributes and the methods of a class."""
    yield ast.get_docstring(node) or ""
    fields = [attribute_row(item, source) for item in node.body if isinstance(item, ast.AnnAssign)]
    if any(meaning for _, meaning in fields):
        yield table(["attribute", "meaning"], fields)
    elif fields:
        yield "Fields: " + ", ".join(name for name, _ in fields) + "."
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and ast.get_docstring(item):
            yield f"### `{signature(item)}`"
            mark = "*To be implemented.* " if "abstractmethod" in decorators(item) else ""
            yield mark + ast.get_docstring(item)


def attribute_row(node: ast.AnnAssign, source: list[str]) -> list[str]:
    """Return an attribute with its type and default, and the `#:` comment above it."""
    lines = []
    row = node.lineno - 2
    while source[row].strip().startswith("#:"):
        lines.insert(0, source[row].strip().removeprefix("#:").strip())
        row -= 1
    return [f"`{ast.unparse(node)}`", " ".join(lines)]


def signature(node: ast.FunctionDef) -> str:
    """Return `name(arguments) -> type` without self, or `name -> type` for a property."""
    arguments = ast.unparse(node.args).removeprefix("self, ").removeprefix("self")
    call = "" if "property" in decorators(node) else f"({arguments})"
    return node.name + call + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def decorators(node: ast.FunctionDef) -> set[str]:
    """Return the names of a method's decorators."""
    return {ast.unparse(decorator) for decorator in node.decorator_list}


def shipped(kind: str) -> str:
    """Return a table of the components of a kind that this distribution provides."""
    rows = [
        [f"[{entry.record.name}](../plugins/{page_of(kind, entry.record.name)})", entry.record.summary]
        for entry in Catalog.load().entries(kind)
        if entry.distribution == "mtlbench"
    ]
    return table(["name", "what it is"], rows)


def page_of(kind: str, name: str) -> str:
    """Return the file in docs/plugins/ that describes a component."""
    if kind == "task":
        return "tasks.md"
    return f"{name}-labels.md" if kind == "label_protocol" else f"{name}.md"


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Return a pipe table."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [headers, ["---"] * len(headers), *cells])


def block(text: str) -> str:
    """Return a block of code."""
    return f"```text\n{text.rstrip()}\n```"


def join(parts: list[str]) -> str:
    """Return paragraphs as one page."""
    return "\n\n".join(part for part in parts if part) + "\n"


def write(check: bool) -> int:
    """Write or compare every page; return the exit code."""
    stale = {path: text for path, text in pages().items() if not is_written(path, text)}
    for path, text in stale.items():
        if not check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text, encoding="utf-8")
        click.echo(f"{'not up to date' if check else 'wrote'}: {path.as_posix()}")
    if stale and check:
        click.echo("Run: python docs/generate.py", err=True)
    return int(check and bool(stale))


def is_written(path: Path, text: str) -> bool:
    """Return whether a page exists and holds this text."""
    return (ROOT / path).is_file() and (ROOT / path).read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(write("--check" in sys.argv[1:]))

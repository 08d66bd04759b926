"""Turn the repository's pages into the site: what mkdocs asks while it builds (`hooks` in mkdocs.yml)."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from mtlbench.plugin import KINDS, Catalog

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LINK = re.compile(r"(!?)(?<!\\)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
CODE = re.compile(r"`[^`\n]+`")
FENCE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)#]+)\)", re.MULTILINE)
#: what the site shows of the repository besides docs/, in a folder of this name
OUTSIDE = "repository"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the navigation: the list in docs/index.md, then every kind with its components."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = [{title: place(DOCS / path)} for title, path in ENTRY.findall(text)]
    config.nav = [{"Documentation": ["index.md", *pages]}]
    for kind in KINDS:
        records = [e.record for e in Catalog.load().entries(kind) if e.distribution == "mtlbench"]
        suffix = "-labels" if kind == "label_protocol" else ""
        methods = [{record.name: f"plugins/{record.name}{suffix}.md"} for record in records]
        if kind == "task":
            methods = [{"What ships": "plugins/tasks.md"}]
        title = kind.replace("_", " ").capitalize() + "s"
        config.nav.append({title: [f"kinds/{kind}.md", *methods]})
    boards = sorted(ROOT.glob("leaderboards/*/README.md"))
    config.nav.append({"Boards": [{path.parent.name: place(path)} for path in boards]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to outside of docs/, and what those link to in turn."""
    left = [*DOCS.glob("**/*.md"), *ROOT.glob("leaderboards/*/README.md")]
    seen = set()
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        if not path.is_relative_to(DOCS):
            files.append(File.generated(config, place(path), abs_src_path=str(path)))
        if path.suffix == ".md":
            left += linked(path)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where their targets lie on the site; a link to a folder becomes its text."""
    source = Path(page.file.abs_src_path)

    def lead(match: re.Match[str]) -> str:
        mark, text, path, anchor = match.groups()
        if not path or ":" in path:
            return match[0]
        target = (source.parent / path).resolve()
        if target.is_dir():
            return text
        there = posixpath.relpath(place(target), posixpath.dirname(page.file.src_uri) or ".")
        return f"{mark}[{text}]({there}{anchor or ''})"

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(lead, part) for part in parts[::2]]
    return "".join(parts)


def linked(page: Path) -> list[Path]:
    """Return the files of the repository that a page links to."""
    text = CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
    targets = [path for _, _, path, _ in LINK.findall(text) if path and ":" not in path]
    found = [(page.parent / path).resolve() for path in targets]
    return [path for path in found if path.is_file() and path.is_relative_to(ROOT)]


def place(path: Path) -> str:
    """Return where a file of the repository lies on the site."""
    path = path.resolve()
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    if path.name == "README.md":  # mkdocs would call it index.html, as boards call another page
        path = path.with_name("page.md")
    return f"{OUTSIDE}/{path.relative_to(ROOT).as_posix()}"

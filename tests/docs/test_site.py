from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mtlbench.boards.markdown import code, escape
from mtlbench.plugin import Catalog

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["'](?:https?:)?//""")


def test_the_index_lists_every_page_of_docs_once():
    listed = re.findall(r"^- \[[^\]]+\]\(([\w-]+\.md)\)", (ROOT / "docs/index.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in ROOT.glob("docs/*.md") if page.name != "index.md")


def test_text_of_strangers_publishes_no_file(tmp_path):
    """What a board's page shows as text, or as code, is no link, and what it would lead to stays at home."""
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("docs_publish", ROOT / "docs/publish.py")
    publish = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(publish)
    page = ROOT / "leaderboards/synthrooms-v1/README.md"
    link = "[a](../../pyproject.toml)"

    def linked(text):
        (tmp_path / "page.md").write_text(text.replace("../..", os.path.relpath(ROOT, tmp_path.resolve())))
        return publish.linked(tmp_path / "page.md")

    assert (
        linked(link) == [ROOT / "pyproject.toml"]
        and linked(f"[`a`]{link[3:]}")
        and page in linked(f"[b]({page})")
    )
    assert (
        not linked(escape(link)) and not linked(code(link)) and not linked(f"x | {code(link)} | {code('`')}")
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Build the site, where mkdocs is installed (the environment `docs` of tox)."""
    if not importlib.util.find_spec("mkdocs") or not importlib.util.find_spec("material"):
        pytest.skip('needs pip install -e ".[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_loads_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 100
    assert not [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))]


def test_every_component_is_in_the_navigation(site):
    front = (site / "index.html").read_text(encoding="utf-8")
    for entry in Catalog.load().entries():
        if entry.distribution == "mtlbench" and entry.record.kind != "task":
            suffix = "-labels" if entry.record.kind == "label_protocol" else ""
            assert f'href="plugins/{entry.record.name}{suffix}.html"' in front


def test_links_out_of_docs_lead_to_the_site(site):
    page = (site / "plugins/lora.html").read_text(encoding="utf-8")
    for path in ("configs/lora_synthrooms.py", "leaderboards/synthrooms-v1/page.html"):
        assert f'href="../repository/{path}"' in page
    config = site / "repository/configs/lora_synthrooms.py"
    assert ast.parse(config.read_text()).body
    board = ROOT / "leaderboards/synthrooms-v1/index.html"
    assert (site / "repository" / board.relative_to(ROOT)).read_bytes() == board.read_bytes()


def test_a_page_ends_with_the_configs_and_rows_of_its_component(generate):
    page = generate.component_page("adapter", "lora", "# `lora`\n\nWhat it is.\n")
    head, _, rest = page.partition(generate.REST)
    assert head == "# `lora`\n\nWhat it is.\n\n"
    standings = generate.rows()["configs/lora_synthrooms.py", "lora"]
    assert [board for board, _, _ in standings] == ["synthrooms-v1"]
    row = next(line for line in rest.splitlines() if "lora_synthrooms.py" in line)
    assert standings[0][1] in row and "±" in row
    assert generate.component_page("adapter", "lora", page) == page  # written once, not again below


def test_every_adapter_decoder_and_balancer_has_a_config_and_a_source(generate):
    for kind, name in generate.built_in():
        if kind in ("adapter", "decoder", "balancer") and name != "torchjd":  # an extra, shown on its page
            assert generate.uses().get((kind, name)), f"no config names {kind} {name}"
            record = Catalog.load().find(kind, name)
            page = (ROOT / "docs/plugins" / generate.page_of(kind, name)).read_text(encoding="utf-8")
            plain = {"equal", "full", "frozen", "no-adapter"}  # baselines, which nobody invented
            assert record.reference or name in plain or re.search(r"arXiv|[Ss]ource|(19|20)\d\d", page), name

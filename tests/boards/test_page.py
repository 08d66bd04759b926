"""The HTML page of a board; what its script does is looked at in headless Chromium where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mtlbench.boards.board import load_board
from mtlbench.boards.compare import compare
from mtlbench.boards.render import render
from mtlbench.results.store import load_record, write_record

RUNS = {
    "lora": [(55, 0.4), (50, 0.5), (45, 0.6)],
    "faar": [(52, 0.5), (53, 0.5), (54, 0.5)],
    "frozen": [(30, 0.7), (31, 0.7), (32, 0.7)],
}
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


def data(folder: Path) -> dict:
    text = (folder / "index.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def dom(folder: Path, state: str = "") -> str:
    """Return the page as Chromium leaves it."""
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom",
         (folder / "index.html").resolve().as_uri() + state],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.stdout


def names(page: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r'<td class="text name">([^<]*)<', page)]


def test_the_page_holds_what_the_records_say(make_board):
    folder = make_board(**RUNS)
    render(folder)
    found = data(folder)
    lora = next(method for method in found["methods"] if method["name"] == "lora")
    assert lora["delta"] == [0.0, 15.0] and lora["metrics"]["semseg"] == [50.0, 5.0]
    assert lora["costs"]["trainable"] == pytest.approx(0.009202) and lora["parts"] == {"adapter": "lora"}
    assert found["references"] == {"semseg": [50.0, 10.0], "depth": [0.5, 0.1]}
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["']?(?:http|//)|@import|url\(""", text)


def test_intervals_are_those_of_the_comparison(make_board):
    folder = make_board(**RUNS)
    render(folder)
    found, board = data(folder), load_board(folder)
    order = [method["name"] for method in found["methods"]]

    def records(name):
        return [load_record(path) for path in sorted((folder / "results" / name).glob("*.json"))]

    references = {task: records(name) for task, name in board.references.items()}
    for row, second in enumerate(order):
        for column, first in enumerate(order[:row]):
            expected = compare(records(first), records(second), references, board).gaps
            for title, gap in expected.items():
                assert found["gaps"][title][row][column] == pytest.approx(gap.half_width, abs=0.006)


def test_no_text_of_strangers_can_leave_its_place(make_board, make_record, papers):
    folder = make_board(**RUNS)
    evil = "</script><script>document.title='owned'</script><!-- <img src=x onerror=alert(1)>"
    text = (folder / "board.toml").read_text().replace('"Synthetic records."', json.dumps(evil))
    (folder / "board.toml").write_text(text, encoding="utf-8")
    (folder / "papers.toml").write_text(papers.replace("Table", json.dumps(evil)[1:-1]), encoding="utf-8")
    for seed in (0, 1, 2):
        write_record(
            make_record("odd", seed, components={"adapter": "mtlbench:odd==0.1.0"}), folder / "results/odd"
        )
    render(folder)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("</script>") == 2 and "onerror" not in page.replace("\\u003cimg src=x onerror", "")
    assert data(folder)["description"].strip() == evil
    if CHROMIUM:
        drawn = dom(folder)
        assert "<title>owned" not in drawn and "<img" not in drawn


@browser
def test_rows_are_sorted_filtered_and_compared(make_board):
    folder = make_board(**RUNS)
    render(folder)
    assert names(dom(folder)) == ["single task", "faar", "lora", "frozen"]
    assert names(dom(folder, "#sort=semseg")) == ["single task", "frozen", "lora", "faar"]
    assert names(dom(folder, "#sort=method&down=1")) == ["single task", "lora", "frozen", "faar"]
    assert names(dom(folder, "#filter=fro")) == ["single task", "frozen"]
    assert names(dom(folder, "#adapter=lora")) == ["single task", "lora"]
    pair = dom(folder, "#row=frozen&row=faar")
    assert "faar is better than frozen by 42.00 ±" in pair
    assert len(re.findall(r'<circle class="point', pair)) == 3
    assert 'aria-sort="ascending"' in pair
    assert "peak memory (MiB)" in re.findall(
        r"<text [^>]*>([^<]*)</text>", dom(folder, "#axis=peak_memory_mb")
    )


@browser
def test_printed_rows_stand_apart(make_board, papers):
    folder = make_board(lora=RUNS["lora"])
    (folder / "papers.toml").write_text(papers, encoding="utf-8")
    render(folder)
    page = dom(folder)
    assert names(page) == ["single task", "lora"]
    assert "+12.00 †" in page and "wrong &lt;script&gt;" in page
    (folder / "papers.toml").unlink()
    assert re.search(r'id="papers"[^>]*hidden', (render(folder), dom(folder))[1])

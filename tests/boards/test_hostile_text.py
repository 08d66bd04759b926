"""Text that strangers may write stays text wherever it is shown, and their numbers stay numbers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from mtlbench.results.store import write_record

RUNS = [(55, 0.4), (50, 0.5), (45, 0.6)]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAYLOADS = {
    "a tag": "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "the end of a script": "</script><!--<script></title></textarea></style>",
    "an attribute": 'x" onclick="alert(1)" \' style=\'color:red',
    "a link": "[a](javascript:alert(1)) ![b](https://c.d/e.png) <https://c.d> www.c.d https://c.d",
    "a reference": "[a]: https://c.d [a] [^1] &lt;b&gt; &#60;b&#62; \\<b>",
    "a table": "a | b || c \\| d \\\\| e",
    "code": "`a` ``b`` ```c``` ` `` \\` ~~~d~~~",
    "a list": "- a * b + c 1. d # e > f === g",
    "places to fill": "[[DATA]] [[SCRIPT]] [[TITLE]] {{7*7}} ${7*7} %s {0} {:x}",
    "mathematics": "$\\frac{1}{2}$ $$x$$ \\(x\\) $\\input{/etc/passwd}$",
    "attributes of markdown": "a { onclick=alert(1) } {: .b } :tada:",
    "markup of rich": "[bold red]a[/] [link=https://c.d]b[/link] [/nothing]",
    "stacked marks": "Z" + "\u0338\u0310\u0361" * 20,
}
ACTIVE = {"script", "img", "a", "iframe", "object", "embed", "form", "style", "base", "meta", "link", "svg"}


class Page(HTMLParser):
    """Gather the tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.fixture
def written(make_board, make_record, papers, payload):
    """Return a board that says a payload wherever people may write, and the file of a record."""
    board, text = make_board(lora=RUNS), json.dumps(payload, ensure_ascii=False)
    toml = (board / "board.toml").read_text(encoding="utf-8")
    toml = toml.replace('"Toy"', text).replace('"Synthetic records."', text)
    (board / "board.toml").write_text(toml, encoding="utf-8")
    for place in ('"One | <b>paper</b>"', '"CVPR 2030"', '"Table"', '"right"'):
        papers = papers.replace(place, text)
    papers = papers.replace("parameters = 3.4", f"backbone = {text}\ncounts = {text}\nnote = {text}")
    (board / "papers.toml").write_text(papers, encoding="utf-8")
    key = payload[:120].strip()
    for seed in range(3):
        record = make_record(
            "evil",
            seed,
            provenance={"device": payload, "platform": payload, "plugins": {key: "1.0"}},
            rank_map={key: {"shared": seed}, "x": {"shared": 7}},
            conflicts={key: {key: 0.5}},
            config={"adapter": {"type": payload}, payload: payload},
        )
        path = write_record(record, board / "results/evil")
    return board, path


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_text_stays_text(cli, written, tmp_path, payload, nothing_acts):
    board, path = written
    assert cli("board", "check", board).exit_code == 0
    assert cli("board", "render", board).exit_code == 0
    assert (board / "plots/ranks.svg").exists()
    nothing_acts(board)

    text = (board / "README.md").read_text(encoding="utf-8")
    page = Page(markdown(text))
    links = {found["href"] for tag, found in page.tags if tag == "a"}
    images = {found["src"] for tag, found in page.tags if tag == "img"}
    assert links <= {"index.html", "https://example.org/1"}
    assert images <= {f"plots/{name}.svg" for name in ("delta-cost", "tasks", "ranks")}
    assert not {tag for tag, _ in page.tags} & (ACTIVE - {"a", "img"})
    assert squeezed(page.text).count(squeezed(payload)) >= 8  # title, description, and what papers say

    page = Page((board / "index.html").read_text(encoding="utf-8"))
    (data,) = re.findall(
        r'id="data">(.*?)</script>', (board / "index.html").read_text(encoding="utf-8"), re.DOTALL
    )
    found = json.loads(data)
    assert found["title"] == payload == found["papers"]["tables"][0]["rows"][1]["note"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]

    target = tmp_path / "report.html"
    assert cli("report", path, "--output", target).exit_code == 0
    page = Page(target.read_text(encoding="utf-8"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not {tag for tag, _ in page.tags} & (ACTIVE - {"style", "svg", "meta"})
    assert squeezed(payload) in squeezed(page.text)
    cli("compare", "lora", "evil", "--board", board)


def markdown(text: str) -> str:
    """Return the page as a renderer of markdown makes it that lets all HTML pass."""
    return pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table").render(text)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("payload", ["".join(PAYLOADS[key] for key in ("a tag", "places to fill"))])
def test_a_browser_shows_text_as_text(cli, written, payload):
    board, _ = written
    cli("board", "render", board)
    drawn = browse(board)
    assert "<img" not in drawn and "<title>owned" not in drawn
    assert Page(drawn).text.count(payload) >= 5


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_does_not_count_for_ever(cli, make_board, make_record):
    """Above 2^53, a number plus one may be the number."""
    board = make_board()
    for seed in range(3):
        write_record(make_record("evil", seed, {"semseg": 5e14, "depth": 0.5}), board / "results/evil")
    assert cli("board", "render", board).exit_code == 0
    assert ">evil<" in browse(board)


def browse(board) -> str:
    """Return the page as a browser leaves it."""
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*command, (board / "index.html").resolve().as_uri()], capture_output=True, text=True, timeout=60
    )
    assert done.stdout, done.stderr
    return done.stdout


@pytest.mark.parametrize("axis", ["step_time_ms", "peak_memory_mb", "macs"])
@pytest.mark.parametrize(
    ("reference", "value", "cost"),
    [(1.1e-30, 1e30, 1e30), (1e30, -1e30, 5e-324), (50.0, 5e14, 1.0), (50.0, -0.0, 0.0), (5e-324, 1.0, 1.0)],
)
def test_numbers_at_their_limits_are_numbers_everywhere(
    cli, make_board, make_record, tmp_path, axis, reference, value, cost, nothing_acts
):
    board = make_board(lora=RUNS)
    (board / "board.toml").write_text(
        (board / "board.toml").read_text().replace("title =", f'cost_axis = "{axis}"\ntitle =', 1)
    )
    for seed in range(3):
        for task in ("semseg", "depth"):
            name = f"single-task-{task}"
            write_record(make_record(name, seed, {task: reference}), board / "results" / name)
        record = make_record(
            "evil",
            seed,
            {"semseg": value, "depth": value / 3},
            cost={"forward_passes": cost, "step_time_ms": cost, "peak_memory_mb": cost, "macs": 2**53},
            curves={"depth": [1e30, -1e30], "semseg": [5e-324]},
            replicates={"semseg": [1e30, -1e30], "depth": [5e-324, -0.0]},
            rank_map={"x": {"semseg": 2**53, "shared": seed}},
        )
        path = write_record(record, board / "results/evil")
    assert cli("board", "check", board).exit_code == 0
    assert cli("board", "render", board).exit_code == 0
    assert cli("board", "render", board, "--check").exit_code == 0
    nothing_acts(board)
    done = cli("compare", "lora", "evil", "--board", board)
    assert done.exit_code == (2 if reference < 1e-30 else 0)
    done = cli("report", path, "--leaderboards", board.parent, "--output", tmp_path / "report.html")
    assert done.exit_code == 0

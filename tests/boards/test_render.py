from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

from mtlbench.boards.costs import front
from mtlbench.boards.markdown import code, escape, table
from mtlbench.boards.plots import digest, same_picture
from mtlbench.boards.render import render
from mtlbench.results.store import write_record

FILES = ["README.md", "index.html", "plots/delta-cost.svg", "plots/tasks.svg"]
RUNS = {"lora": [(55, 0.4), (50, 0.5), (45, 0.6)], "frozen": [(30, 0.7), (31, 0.7), (32, 0.7)]}


def cells(folder: Path, start: str) -> list[str]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("|") and start in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rendering_is_reproducible(make_board, monkeypatch):
    folder = make_board(**RUNS)
    assert render(folder) == FILES
    before = {name: (folder / name).read_bytes() for name in FILES}
    assert render(folder) == []
    for name in FILES:
        (folder / name).unlink()
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)  # as a user's matplotlibrc would
    assert render(folder) == FILES
    assert {name: (folder / name).read_bytes() for name in FILES} == before


def test_the_ranking_says_what_the_records_say(make_board):
    folder = make_board(**RUNS)
    render(folder)
    # the two single-task models have 18,000 + 5,202 and 17,000 + 5,202 trainable parameters
    assert cells(folder, "**single task**") == [
        "–", "**single task**", "0 (reference)", "50.00 ± 10.00", "0.5000 ± 0.1000", "0.045", "3",
    ]  # fmt: skip
    assert cells(folder, "| lora ")[:5] == ["1", "lora", "+0.00 ± 15.00", "50.00 ± 5.00", "0.5000 ± 0.1000"]
    # semseg 31 +- 1 of 50 is -38 +- 2 %, depth 0.7 of 0.5 is -40 +- 0 %: their mean is -39 +- 1 %
    assert cells(folder, "| frozen ")[:3] == ["2", "frozen", "-39.00 ± 1.00"]


def test_check_notices_an_edited_number(make_board):
    folder = make_board(**RUNS)
    render(folder)
    readme = folder / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("-39.00", "+39.00"), encoding="utf-8")
    edited = readme.read_bytes()
    assert render(folder, check=True) == ["README.md"]
    assert readme.read_bytes() == edited
    picture = folder / "plots" / "tasks.svg"
    picture.write_text(picture.read_text().replace("#0072b2", "#ff0000"))
    assert render(folder, check=True) == ["README.md", "plots/tasks.svg"]


def test_check_notices_a_new_record(make_board, make_record):
    folder = make_board(**RUNS)
    render(folder)
    write_record(make_record("faar"), folder / "results" / "faar")
    assert render(folder, check=True) == [
        "README.md",
        "index.html",
    ]  # one seed is shown, but not ranked and so not drawn


def test_a_picture_by_another_matplotlib_is_judged_by_its_numbers(make_board):
    folder = make_board(**RUNS)
    render(folder)
    new = (folder / "plots" / "tasks.svg").read_bytes()
    other = new.replace(f"matplotlib {matplotlib.__version__}".encode(), b"matplotlib 0.0.1") + b"\n"
    assert other != new
    assert same_picture(other, new)
    assert not same_picture(new + b"\n", new)
    assert not same_picture(re.sub(rb"<dc:description>.", b"<dc:description>-", other), new)
    assert not same_picture(b"", new)


def test_the_numbers_of_a_picture_are_judged_to_twelve_digits():
    assert digest([("lora", 1.2110985161385672, None)]) == digest([("lora", 1.211098516138567, None)])
    assert digest([("lora", 1.21109851613, None)]) != digest([("lora", 1.21109851614, None)])


def test_pictures_are_well_formed_and_carry_no_date(make_board):
    folder = make_board(**RUNS)
    render(folder)
    for name in FILES[2:]:
        text = (folder / name).read_text()
        ElementTree.fromstring(text)
        assert "<dc:date>" not in text


def test_a_board_without_records_renders(make_board):
    folder = make_board()
    for path in (folder / "results").rglob("*.json"):
        path.unlink()
    assert render(folder) == ["README.md", "index.html"]
    assert "plots/" not in (folder / "README.md").read_text(encoding="utf-8")


def test_unranked_methods_and_refused_records_are_named(make_board, make_record):
    folder = make_board(lora=[(55, 0.4), (50, 0.5)])
    write_record(make_record("demo-run", demo=True), folder / "results" / "demo-run")
    render(folder)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "- lora: seeds missing: 2" in text
    assert re.search(r"- demo-run/demo-run-\w{8}-seed0\.json: it is a demonstration", text)


def test_what_strangers_wrote_stays_text(make_board, make_record):
    folder = make_board()
    attack = "x` | <script>alert(1)</script> [a](http://b) ![c](//d)"
    for seed in range(3):
        record = make_record("www.evil.com", seed, provenance={"device": attack, "plugins": {attack: "1.0"}})
        write_record(record, folder / "results" / record.name)
    (folder / "results" / "<img src=x>.json").write_text("{}")
    render(folder)
    text = (folder / "README.md").read_text(encoding="utf-8")
    inert = re.sub(r"`[^`\n]*`", "", text)
    for active in ("<script", "<img", "](http", "![c]", "www.evil"):
        assert active not in inert
    rows = [line for line in text.splitlines() if line.startswith("|") and "evil" in line]
    headers = [line for line in text.splitlines() if line.startswith("|") and "method" in line]
    assert [row.count("|") for row in rows] == [header.count("|") for header in headers]


def test_escape_and_code():
    assert escape("a|b <i>*c*</i>\n# d") == r"a\|b &lt;i&gt;\*c\*&lt;/i&gt; \# d"
    assert escape("http://x www.y.z [l](u) $m$") == r"http\://x www\.y.z \[l\](u) \$m\$"
    assert escape("single-task 0.5") == "single-task 0.5"
    assert code("a`b|c\nd") == "`a'b/c d`"


def test_a_table_keeps_text_that_looks_like_a_number():
    assert "| 1e5 |" in re.sub(" +", " ", table(["a", "b"], [["1e5", "007"]]))


@pytest.mark.parametrize(
    "points", [[(1, 1), (2, 0), (2, 3), (3, 3), (1, 1), (5, 9)], [(0, 0)], [(2, 1), (1, 1)]]
)
def test_the_front_is_what_no_point_dominates(points):
    def dominated(point):
        return any(q != point and q[0] <= point[0] and q[1] >= point[1] for q in points)

    assert {points[index] for index in front(points)} == {point for point in points if not dominated(point)}
    assert len({points[index] for index in front(points)}) == len(front(points))

from __future__ import annotations

from pathlib import Path

import pytest

from mtlbench.boards.board import load_board
from mtlbench.boards.errors import BadBoard
from mtlbench.boards.papers import FILE, load_papers
from mtlbench.boards.render import render

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"
SHIPPED = sorted(path.parent.name for path in LEADERBOARDS.glob(f"*/{FILE}"))


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_delta_m_is_computed_again_and_a_disagreement_is_marked(make_board, papers):
    folder = write(make_board(), papers)
    single, right, wrong = load_papers(folder).tables[0].rows
    table = load_papers(folder).tables[0]
    assert table.recomputed(single) is None
    delta, slack = table.recomputed(right)
    # +10 % and +10 %; half a unit of 50.00 is 0.01 %, of 0.50 it is 1 %, each doubled for the reference
    assert delta == pytest.approx(10.0)
    assert slack == pytest.approx(50 * (0.005 / 50 * 2.1 + 0.005 / 0.5 * 1.9) + 0.005)
    assert not table.disagrees(right) and table.disagrees(wrong)
    render(folder)
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith("| right")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "right", "55.00", "0.45", "+10.00", "+10.00", "3.4", "[1]",
    ]  # fmt: skip
    assert any("+12.00 †" in line for line in lines)
    assert any("its values give +10.00" in line for line in lines)


def test_printed_numbers_are_text_and_never_ranked(make_board, papers):
    folder = write(make_board(lora=[(55, 0.4), (50, 0.5), (45, 0.6)]), papers)
    render(folder)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "<script>" not in text and "<b>" not in text
    ranking = text[text.index("## Ranking") : text.index("## Published numbers")]
    assert "right" not in ranking and "lora" in ranking
    assert (folder / "plots/tasks.svg").read_text().count("right") == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[sources.one]", "[sources.two]", "is a source without a row"),
        (
            'reference = "single"\nparameters',
            'reference = "nobody"\nparameters',
            "no row with the same tasks",
        ),
        (", depth = 0.45 }\ndelta = 10.0", " }\ndelta = 10.0", "no row with the same tasks"),
        ("depth = 0.50", "edge = 0.50", "no column"),
        ('method = "right"', 'method = "single"', "distinct"),
        ("https://", "javascript:", "pattern"),
        ("delta = 10.0", 'delta = "10"', "number"),
        ("delta = 10.0", "delta = nan", "finite"),
        ("schema_version = 1", "schema_version = 2", "schema_version"),
        ("schema_version = 1", "schema_version = ", "cannot be read as TOML"),
    ],
)
def test_a_file_that_is_wrong_gives_one_error(make_board, papers, old, new, message):
    assert old in papers
    folder = write(make_board(), papers.replace(old, new, 1))
    with pytest.raises(BadBoard, match=message) as caught:
        render(folder)
    assert FILE in str(caught.value)


def test_a_board_without_a_record_says_how_to_begin(make_board, papers):
    folder = write(make_board(), papers)
    for path in folder.glob("results/*/*.json"):
        path.unlink()
    assert render(folder) == ["README.md", "index.html"]
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "No record yet" in text and "## Published numbers" in text and "## Ranking" not in text


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_has_sources_and_columns_of_its_board(name):
    papers = load_papers(LEADERBOARDS / name)
    assert papers.sources
    directions = {task.name: task.higher_is_better for task in load_board(LEADERBOARDS / name).tasks}
    for table in papers.tables:
        for metric in table.metrics:
            assert directions.get(metric.task, metric.higher_is_better) == metric.higher_is_better


def test_known_disagreements_are_found_and_no_others():
    tables = [table for name in SHIPPED for table in load_papers(LEADERBOARDS / name).tables]
    found = {row.method for table in tables for row in table.rows if table.disagrees(row)}
    assert found == {"MTL, full fine-tuning", "FAAR: PDRS with DoRA", "FAAR: TS-PD"}
    checked = sum(table.recomputed(row) is not None for table in tables for row in table.rows)
    assert checked == 46

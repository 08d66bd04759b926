"""The table of published protocols says what the configs do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mtlbench.engine.config import load_experiment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/published-protocols.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## The six")[2].partition("\n## ")[0]
HEADER, _, *LINES = re.findall(r"^\|.*\|$", SECTION, re.MULTILINE)
TITLES = [cell.strip() for cell in HEADER.strip("|").split("|")]
ROWS = {
    cells[0].strip("` "): dict(zip(TITLES, cells, strict=True))
    for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in LINES)
}
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-\d+)?")


def numbers(cell: str) -> set[float]:
    return {float(number) for number in NUMBER.findall(cell)}


@pytest.fixture(params=ROWS)
def case(request, tmp_path):
    """Return a row of the table and its protocol as an experiment."""
    piece = ROOT / f"configs/_base_/protocols/{request.param}.py"
    path = tmp_path / "experiment.py"
    parts = 'backbone = dict(type="timm")\nadapter = dict(type="full")\ndecoder = dict(type="hrnet")\n'
    path.write_text(f"_base_ = {str(piece)!r}\n{parts}")
    return ROWS[request.param], load_experiment(path)


def test_all_are_on_the_page():
    assert {path.stem for path in ROOT.glob("configs/_base_/protocols/*.py")} == ROWS.keys()


def test_optimiser_and_schedule_are_those_of_the_config(case):
    row, experiment = case
    optimizer, schedule = experiment.optimizer, experiment.schedule
    assert row["optimiser"].startswith(f"{optimizer.type} ")
    stated = numbers(row["optimiser"])
    expected = {optimizer.lr, optimizer.weight_decay}
    expected |= {optimizer.momentum} if optimizer.type == "SGD" else set()
    assert stated == expected | ({schedule.clip_grad} if schedule.clip_grad else set())
    length = schedule.epochs or schedule.iterations
    unit = "epochs of" if schedule.epochs else "batches of"
    assert row["schedule"].startswith(f"{length} {unit} {schedule.batch_size}")
    words = {"cosine": "cosine", "poly": "polynomial", "step": "halved after 100"}
    assert row["schedule"].endswith(words[schedule.curve])


def test_tasks_weights_and_mode_are_those_of_the_config(case):
    row, experiment = case
    weights = experiment.balancer.options["weights"]
    assert weights.keys() == experiment.tasks.keys()
    terms = {term.split()[0]: term for term in row["losses × weights"].replace("inverse ", "").split(", ")}
    assert terms.keys() == weights.keys()
    for task, weight in weights.items():
        assert float(NUMBER.findall(terms[task].partition("×")[2])[0]) == pytest.approx(weight, rel=1e-3)
    assert (experiment.evaluation.mode == "legacy448") == ("legacy448" in row["scored"])
    assert row["scored"].rpartition("; ")[2].count(",") + 1 == len(weights)


def test_the_size_is_that_of_the_last_transform(case):
    row, experiment = case
    sizes = [t.options["size"] for t in experiment.train_transforms if "size" in t.options]
    if sizes:  # MTAN's packages come in the size that is trained on
        assert "x".join(map(str, sizes[-1])) in row["trained at"]

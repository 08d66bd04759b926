from __future__ import annotations

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.report.page import report
from mtlbench.results.store import write_record


class Reader(HTMLParser):
    """Gather tags, and the text that is seen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def run(make_record, tmp_path):
    record = make_record(
        "lora", curves={"depth": [0.5, 0.4], "semseg": [1.5, 1.0]}, iterations=1234, board="toy"
    )
    folder = tmp_path / "run"
    write_record(record, folder)
    (folder / "pictures").mkdir()
    cv2.imwrite(str(folder / "pictures/weights.png"), np.zeros((4, 4, 3), np.uint8))
    (folder / "train.log").write_text("2030 INFO fine\n2030 WARNING odd <b>thing</b>\n")
    return folder, record


def test_everything_that_a_run_left_is_shown(run):
    folder, record = run
    page = Reader(report(record, folder, {"semseg": (40.0, 3), "depth": (0.4, 3)}))
    assert "Δm +0.00 %" in page.text  # +25 % and -25 %
    for words in (
        "1,234 steps",
        "mIoU ↑ (%)",
        "+25.00",
        "other 9",
        "Weights of the tasks",
        record.run_id,
        "9,202",
    ):
        assert words in page.text, words
    assert "odd <b>thing</b>" in page.text and "fine" not in page.text
    tags = [tag for tag, _ in page.tags]
    assert tags.count("svg") == 2 and "script" not in tags and "b" not in tags
    (image,) = [found["src"] for tag, found in page.tags if tag == "img"]
    assert image.startswith("data:image/png;base64,")


def test_nothing_is_fetched(run):
    folder, record = run
    page = report(record, folder, {})
    assert not re.search(
        r"""(?:src|href)=["'](?!data:|#)|@import|url\((?!#)""", page.replace('xlink:href="#', "")
    )
    assert "No board gives references" in page


def test_a_record_alone_is_enough(run, tmp_path, monkeypatch):
    folder, record = run
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["report", str(folder / f"{record.run_id}.json")])
    assert result.exit_code == 0, result.output
    assert "Only the record is at hand" in (tmp_path / f"{record.run_id}.html").read_text()


def test_the_board_gives_references(run, make_board):
    folder, _ = run
    board = make_board()
    result = CliRunner().invoke(main, ["report", str(folder), "--leaderboards", str(board.parent)])
    assert result.exit_code == 0, result.output
    assert "Δm +0.00 %" in Reader((folder / "report.html").read_text()).text


def test_text_of_strangers_stays_text(make_record):
    evil = "<script>alert(1)</script>"
    record = make_record("lora", config={"adapter": {"type": "lora", "note": evil}}, curves={"depth": [1.0]})
    page = Reader(report(record, None, {}))
    assert evil in page.text and "script" not in [tag for tag, _ in page.tags]


def test_a_folder_without_a_record_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.exit_code == 2 and "must hold one record" in result.stderr

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from mtlbench.cli import main

WORSE = [(50, 0.5), (49, 0.52), (51, 0.51)]
BETTER = [(60, 0.4), (58, 0.41), (62, 0.38)]


def compare(folder, *arguments: str) -> Result:
    options = ["--board", "toy", "--leaderboards", str(folder.parent)]
    return CliRunner().invoke(main, ["compare", *arguments, *options])


def test_a_table_and_a_sentence(make_board):
    done = compare(make_board(lora=WORSE, faar=BETTER), "lora", "faar")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["change", "(%)", "lora", "faar", "difference", "(95", "%)"]
    assert [line.split()[0] for line in lines[2:5]] == ["semseg", "depth", "Δm"]
    assert lines[4].split()[1:3] == ["-1.00", "+20.33"]
    assert lines[6].startswith("faar is better than lora by 21.33 ± ")
    assert lines[7].startswith(
        "Seeds: 3 and 3. Intervals count the noise of seeds. Not all records hold repl"
    )


def test_json(make_board):
    done = compare(make_board(lora=WORSE, faar=BETTER), "lora", "faar", "--json")
    found = json.loads(done.output)
    assert found["names"] == ["lora", "faar"]
    assert found["gaps"]["Δm"]["difference"] > found["gaps"]["Δm"]["half_width"] > 0
    assert found["verdict"].startswith("faar is better than lora by")


def test_errors_are_one_sentence(make_board):
    done = compare(make_board(lora=WORSE), "lora", "nothing")
    assert done.exit_code == 2
    assert '"nothing" is neither a method' in done.output
    assert "Traceback" not in done.output

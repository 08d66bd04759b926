"""A board of ten thousand records is checked, and drawn, as others are."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from mtlbench.boards.admission import admit
from mtlbench.boards.board import load_board
from mtlbench.cli import main
from mtlbench.results.schema import config_hash, run_id

RECORDS = 10_000


@pytest.fixture
def crowded(make_board):
    """Return a board with that many records, three for each method."""
    folder = make_board(lora=[(50.0, 0.5)] * 3)
    template = json.loads(next((folder / "results/lora").glob("*-seed0.json")).read_text())
    for number in range((RECORDS - 9) // 3):
        name = f"lora-{number}"
        config = {**template["config"], "adapter": {"type": name}}
        (folder / "results" / name).mkdir()
        for seed in range(3):
            primary = {task: {**found} for task, found in template["primary"].items()}
            primary["depth"]["value"] += 1e-5 * number
            metrics = {task: {**found} for task, found in template["metrics"].items()}
            metrics["depth"]["rmse"] = primary["depth"]["value"]
            digest = config_hash(config)
            record = {
                **template,
                "name": name,
                "seed": seed,
                "config": config,
                "config_hash": digest,
                "run_id": run_id(name, digest, seed),
                "primary": primary,
                "metrics": metrics,
            }
            (folder / "results" / name / f"{record['run_id']}.json").write_text(json.dumps(record))
    return folder


def test_ten_thousand_records_are_read_and_rendered(crowded, figures):
    records, refusals = admit(crowded, load_board(crowded))
    done = CliRunner().invoke(main, ["board", "render", str(crowded)])
    page = (crowded / "README.md").read_text(encoding="utf-8")
    rows = sum(line.startswith("| ") and "lora-" in line for line in page.splitlines())
    figures("board of 10,000 records", 1, int(not refusals and done.exit_code == 0))
    assert len(records) > RECORDS - 5 and not refusals
    assert done.exit_code == 0, done.output
    assert rows >= len(records) // 3 - 4

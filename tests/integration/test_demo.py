"""The project's main command runs without its dataset and without its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.results.store import load_record

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.slow
def test_the_main_command_runs_on_generated_rooms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["run", str(CONFIGS / "faar_vitb_nyud.py"), "--demo", "--device", "cpu"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "runs/faar_vitb_nyud-demo/seed0"
    record = load_record(next(folder.glob("*-seed0.json")))
    assert record.demo and record.components["dataset"].startswith("mtlbench:nyud==")
    assert record.metrics.keys() == {"semseg", "depth", "normals", "edge"}
    assert record.rank_map and record.provenance.weights == "random"
    assert (folder / "pictures/predictions.png").is_file() and (folder / "pictures/ranks.png").is_file()
    assert "mtlbench data" not in done.output


def test_a_config_without_a_demo_says_so(tiny_config):
    done = CliRunner().invoke(main, ["run", str(tiny_config()), "--demo"])
    assert done.exit_code == 2 and "has no demo" in done.stderr


def test_a_demo_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").touch()
    command = ["run", str(CONFIGS / "faar_vitb_nyud.py"), "--demo", "--work-dir", str(tmp_path / "file")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2, done.output
    assert "rooms cannot be written" in done.stderr and "--work-dir" in done.stderr

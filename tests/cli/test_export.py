from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mtlbench.cli import main

#: one step of a model that trains nothing but a decoder
BRIEF = ('adapter = dict(type="frozen")', "schedule.update(iterations=1)")


@pytest.fixture
def work_dir(tiny_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a finished run, inside the working directory."""
    monkeypatch.chdir(tmp_path)
    assert mtlbench("run", tiny_config(*BRIEF), "--device", "cpu", "--work-dir", "runs").exit_code == 0
    return Path("runs/seed0")


def mtlbench(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def error(result: Result) -> str:
    """Return the one message of a command that refused, which is all it says on stderr."""
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ") and "Traceback" not in result.output
    return " ".join(result.stderr.split())


def test_weights_are_exported_beside_the_run(work_dir):
    result = mtlbench("export", work_dir, "--no-program")
    assert result.exit_code == 0, result.output
    about = json.loads((work_dir / "export/export.json").read_text())
    assert sorted(about["files"]) == [
        "tasks/depth.safetensors",
        "tasks/semseg.safetensors",
        "weights.safetensors",
    ]
    assert f"{about['parameters']['merged']:,}" in result.output
    assert str(Path("runs/seed0/export")) in result.output
    assert "--overwrite" in error(mtlbench("export", work_dir, "--no-program"))
    assert mtlbench("export", work_dir, "--no-program", "--overwrite").exit_code == 0


@pytest.mark.slow
def test_the_program_is_exported_too(work_dir):
    (record,) = work_dir.glob("*-seed0.json")
    result = mtlbench("export", record, "--to", "served", "--size", "32", "32")
    assert result.exit_code == 0, result.output
    assert "model.pt2" in result.output and "3 x 32 x 32, uint8, any number" in result.output
    assert Path("served/model.pt2").is_file()


def test_a_run_that_is_not_there_is_named(work_dir):
    assert "'nowhere' does not exist" in mtlbench("export", "nowhere").stderr
    assert "holds no record" in error(mtlbench("export", "runs"))


def test_a_record_without_checkpoints_is_refused(work_dir):
    (record,) = work_dir.glob("*-seed0.json")
    Path("alone").mkdir()
    (Path("alone") / record.name).write_bytes(record.read_bytes())
    message = error(mtlbench("export", "alone"))
    assert "There is no checkpoint in alone/checkpoints" in message and "mtlbench run" in message

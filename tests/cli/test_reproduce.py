from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from mtlbench.cli import main
from mtlbench.results.schema import config_hash, run_id

BRIEF = ('adapter = dict(type="frozen")', "schedule.update(iterations=2)")


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)])


def test_a_run_comes_out_again(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("run", tiny_config(*BRIEF), "--device", "cpu").exit_code == 0
    (path,) = (tmp_path / "runs/tiny/seed0").glob("*-seed0.json")
    before = path.read_bytes()
    result = invoke("reproduce", path, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "equal bit for bit" in result.output and path.read_bytes() == before
    found = json.loads(path.with_name(path.stem + ".verified.json").read_text())
    assert found["differences"] == {"depth": 0.0, "semseg": 0.0}
    assert Path("runs/reproduce", path.stem, path.name).is_file()


def test_numbers_that_nobody_can_make_are_not_reproduced(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    invoke("run", tiny_config(*BRIEF), "--device", "cpu")
    (path,) = (tmp_path / "runs/tiny/seed0").glob("*-seed0.json")
    content = json.loads(path.read_text())
    content["primary"]["semseg"]["value"] = content["metrics"]["semseg"]["mIoU"] = 99.0
    path.write_text(json.dumps(content))
    result = invoke("reproduce", path, "--device", "cpu")
    assert result.exit_code == 1 and "NOT reproduced" in result.output


def test_what_a_record_names_and_is_not_there_is_said(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    invoke("run", tiny_config(*BRIEF), "--device", "cpu")
    (path,) = (tmp_path / "runs/tiny/seed0").glob("*-seed0.json")
    content = json.loads(path.read_text())
    for change, message in (
        ({"adapter": {"type": "acme"}}, 'no adapter "acme"'),
        ({"adapter": {"type": "os.system"}}, "os.system"),
        ({"novelty": 1}, "Install that version"),
    ):
        changed = json.loads(json.dumps(content))
        changed["config"] |= change
        changed["config_hash"] = config_hash(changed["config"])
        changed["run_id"] = run_id(changed["name"], changed["config_hash"], 0)
        other = tmp_path / f"{changed['run_id']}.json"
        other.write_text(json.dumps(changed))
        result = invoke("reproduce", other, "--device", "cpu")
        assert result.exit_code == 2 and message in result.output and "Traceback" not in result.output

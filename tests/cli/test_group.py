from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mtlbench.cli import main
from mtlbench.engine.config import load_experiment
from mtlbench.results.store import write_record

LORA = 'adapter = dict(type="lora", rank=2)'
TASKS = ("depth", "edge", "normals", "semseg")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Write a matrix in which depth and normals help each other, and edge and semseg."""
    friends = {("depth", "normals"), ("normals", "depth"), ("edge", "semseg"), ("semseg", "edge")}
    draw = random.Random(0)
    rows = {
        a: {b: draw.uniform(0, 0.1) + ((a, b) in friends) for b in TASKS if b != a} for a in reversed(TASKS)
    }
    path = tmp_path / "matrix.json"
    path.write_text(json.dumps({"affinity": rows}))
    return path


def group(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["group", *map(str, arguments)])


def error(result: Result) -> str:
    """Return the one message of a command that refused."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output and result.stderr.count("Error: ") == 1
    return " ".join(result.stderr.split())


def test_a_matrix_is_grouped_drawn_and_kept(matrix, tmp_path):
    done = group(matrix, "--budget", 2, "--out", "out")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["matrix:", "helps", "→", *TASKS]
    assert [line.split()[0] for line in lines[2:6]] == [*TASKS]
    assert "Groups for a budget of 2 networks, 2 used:" in lines
    assert [line.split("  ")[1].strip() for line in lines if line[:1] in "12" and line[:1]] == [
        "depth, normals",
        "edge, semseg",
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"affinity.json", "affinity.png"}
    again = group("out/affinity.json", "--budget", 2, "--json")
    assert (
        json.loads(again.output)["groups"]
        == json.loads(group(matrix, "--budget", 2, "--json").output)["groups"]
    )
    assert (tmp_path / "runs/matrix-groups/affinity.png").is_file()


def test_json_holds_the_groups_with_their_scores(matrix):
    found = json.loads(group(matrix, "--budget", 1, "--json").output)
    (only,) = found["groups"]
    assert only["tasks"] == only["serves"] == [*TASKS] and found["cost"] == only["cost"] == 1
    rows = found["affinity"]
    assert only["scores"]["depth"] == pytest.approx(sum(rows[task]["depth"] for task in TASKS[1:]) / 3)


def test_a_task_that_nobody_helps_may_be_alone(matrix):
    cheap = group(matrix, "--budget", 2, "--single-cost", 0.5, "--alone", 5, "--json")
    groups = json.loads(cheap.output)["groups"]
    assert [one["tasks"] for one in groups] == [[task] for task in TASKS]


def test_a_task_without_a_group_is_said_to_be_alone(tmp_path):
    Path("lonely.json").write_text('{"affinity": {"a": {"b": 1}, "b": {"a": 1}, "c": {}}}')
    assert "c (alone)" in group("lonely.json", "--budget", 2).output


def test_a_config_is_measured_and_configs_train_its_groups(tiny_config, tmp_path):
    extra = 'tasks.update(normals=dict(type="normals"), edge=dict(type="edge"))'
    config = tiny_config(LORA, extra)
    options = [
        "--budget",
        2,
        "--method",
        "gradient",
        "--steps",
        1,
        "--device",
        "cpu",
        "--out",
        "groups",
        "--json",
    ]
    done = group(config, *options)
    assert done.exit_code == 0, done.output
    whole = load_experiment(config)
    for one in json.loads(done.output)["groups"]:
        name = f"tiny-{'-'.join(one['tasks'])}"
        part = load_experiment(tmp_path / "groups" / f"{name.replace('-', '_')}.py")
        assert part.name == name and [*part.tasks] == one["tasks"]
        assert part.hash == whole.with_tasks(one["tasks"], name).hash


def test_features_of_short_single_task_runs_are_compared(tiny_config):
    options = ["--budget", 1, "--method", "rsa", "--steps", 1, "--images", 4, "--device", "cpu", "--json"]
    found = json.loads(group(tiny_config(LORA), *options).output)
    assert found["affinity"]["depth"]["depth"] == 1
    assert -1 <= found["affinity"]["depth"]["semseg"] == found["affinity"]["semseg"]["depth"] < 1


def test_records_are_grouped_and_configs_follow_another(make_record, tiny_config, tmp_path):
    config = {"lr": 1}
    for values in ({"semseg": 50.0}, {"depth": 0.5}, {"semseg": 55.0, "depth": 0.55}):
        write_record(make_record("lora", 0, values, config={**config, "tasks": [*values]}), tmp_path / "in")
    options = ["--config", tiny_config(LORA), "--out", "out", "--budget"]
    together = json.loads(group("in", *options, 1, "--json").output)
    assert together["affinity"]["depth"] == {"semseg": pytest.approx(10)}
    assert [one["tasks"] for one in together["groups"]] == [["depth", "semseg"]]
    apart = group("in", *options, 2)
    assert "semseg (+10)" in apart.output and "depth (+0)" in apart.output
    assert load_experiment("out/tiny_depth.py").tasks.keys() == {"depth"}


def test_a_config_of_other_tasks_is_refused(matrix, tiny_config):
    said = error(group(matrix, "--budget", 2, "--config", tiny_config(LORA)))
    assert "has no task 'normals'; it has depth, semseg. Pass the config that the results are of." in said


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nothing.py", "--budget", 2], "There is no config file 'nothing.py'"),
        (["nothing.json", "--budget", 2], "nothing.json holds no record"),
        ([".", "--budget", 2, "--method", "transfer"], ". holds no record"),
        (["matrix.json", "--budget", 0], "0.0 is not in the range x>0"),
        (["matrix.json"], "Missing option '--budget'"),
        (["matrix.json", "--budget", 0.5], "A budget of 0.5 networks pays for no set of groups"),
        (
            ["matrix.json", "matrix.json", "--budget", 2],
            "is a matrix, which comes alone: leave out matrix.json",
        ),
        (["matrix.json", "--budget", 2, "--method", "rsa"], "cannot be grouped by rsa: leave out --method"),
        (["a.py", "b.py", "--budget", 2], "a.py is a config, which comes alone: leave out b.py"),
        (["a.py", "--budget", 2, "--method", "results"], "choose --method lookahead or --method gradient or"),
        (["broken.json", "--budget", 2], "broken.json is not JSON"),
        (["record.json", "--budget", 2], "record.json is not a valid record"),
        (["record.json", "--budget", 2, "--method", "lookahead"], "record.json is records, which cannot"),
        (["matrix.json", "--budget", 2, "--out", "matrix.json/x"], "cannot be written to matrix.json/x"),
        (["tiny.py", "--budget", 1, "--device", "warp"], "The device 'warp' cannot be used"),
        (["tiny.py", "--budget", 1, "--cfg-options", "adapter.rnk=1"], "no key 'adapter.rnk'"),
    ],
)
def test_bad_inputs_get_one_clear_error(matrix, tiny_config, tmp_path, arguments, message):
    tiny_config(LORA)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "record.json").write_text("{}")
    assert message in error(group(*arguments))

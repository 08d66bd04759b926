from __future__ import annotations

import errno
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
import torch
from click.testing import CliRunner, Result

from mtlbench.cli import main
from mtlbench.engine import experiment
from mtlbench.plugin import Catalog
from mtlbench_tasks.depth import Depth

CONFIGS = Path(__file__).parents[2] / "configs"
#: one step of a model that trains nothing but a decoder
BRIEF = ('adapter = dict(type="frozen")', "schedule.update(iterations=1)")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments), "--device", "cpu"])


def error(result: Result) -> str:
    """Return the one message of a command that refused, which is all it says on stderr."""
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ") and "Traceback" not in result.output
    return " ".join(result.stderr.split())


def records(work_dir: Path) -> list[str]:
    return sorted(path.relative_to(work_dir).as_posix() for path in work_dir.rglob("*-seed*.json"))


def test_a_finished_run_is_only_shown_again(tiny_config, tmp_path):
    config = tiny_config(*BRIEF)
    first = run(config)
    assert first.exit_code == 0, first.output
    (path,) = (tmp_path / "runs/tiny/seed0").glob("*-seed0.json")
    assert f"record      runs/tiny/seed0/{path.name}" in first.output
    before = path.read_bytes()
    again = run(config)
    assert again.exit_code == 0 and path.read_bytes() == before
    assert "step 1/1" in first.output and "step" not in again.output.split("task")[0]
    assert again.output.split("task", 1)[1] == first.output.split("task", 1)[1]


def test_restart_trains_anew(tiny_config, tmp_path):
    config = tiny_config(*BRIEF)
    run(config, "--work-dir", "work")
    (path,) = (tmp_path / "work/seed0").glob("*-seed0.json")
    before = json.loads(path.read_text())
    assert run(config, "--work-dir", "work", "--cfg-options", "optimizer.lr=1e-3").exit_code == 2
    result = run(config, "--work-dir", "work", "--restart")
    assert result.exit_code == 0 and "step 1/1" in result.output
    after = json.loads(path.read_text())
    assert after["metrics"] == before["metrics"]
    assert after["cost"]["train_seconds"] != before["cost"]["train_seconds"]


def test_several_seeds_are_run_one_after_another(tiny_config, tmp_path):
    result = run(tiny_config(*BRIEF), "--seeds", "0", "3", "--work-dir", "work")
    assert result.exit_code == 0
    names = records(tmp_path / "work")
    assert [re.sub("-[0-9a-f]{8}-", "-#-", name) for name in names] == [
        "seed0/tiny-#-seed0.json",
        "seed3/tiny-#-seed3.json",
    ]
    contents = [json.loads((tmp_path / "work" / name).read_text()) for name in names]
    assert contents[0]["config_hash"] == contents[1]["config_hash"]
    assert contents[0]["metrics"] != contents[1]["metrics"]


@pytest.mark.parametrize("seeds", ["a", "-1", "1.5", "0,x"])
def test_what_is_no_seed_is_refused(tiny_config, seeds):
    assert "are not seeds; write whole numbers" in error(run(tiny_config(*BRIEF), "--seeds", seeds))


def test_single_tasks_are_trained_one_by_one(tiny_config, tmp_path):
    config = tiny_config(*BRIEF, "single_task = True", 'name = "single-task"')
    assert run(config, "--work-dir", "one", "--task", "depth").exit_code == 0
    assert len(records(tmp_path / "one")) == 1
    assert run(config, "--work-dir", "all").exit_code == 0
    contents = [json.loads((tmp_path / "all" / name).read_text()) for name in records(tmp_path / "all")]
    assert [(c["name"], list(c["metrics"])) for c in contents] == [
        ("single-task-depth", ["depth"]),
        ("single-task-semseg", ["semseg"]),
    ]
    assert len({content["protocol_hash"] for content in contents}) == 1
    message = error(run(config, "--task", "normals"))
    assert "no task 'normals'; it has depth, semseg" in message


def test_tasks_that_train_together_cannot_be_picked(tiny_config):
    assert "--task is for configs with single_task" in error(run(tiny_config(*BRIEF), "--task", "depth"))


def test_a_wrong_config_is_one_message(tiny_config):
    message = error(run(tiny_config("schedule.update(iteration=1)")))
    assert 'schedule.iteration: Extra inputs are not permitted. Did you mean "iterations"?' in message
    assert 'has no option "rnak"' in error(run(tiny_config("adapter.update(rnak=1)"))).replace("'", '"')


@pytest.mark.parametrize("work_dir", ["file", "file/below"])
def test_a_work_dir_that_cannot_be_written_is_named(tiny_config, tmp_path, work_dir):
    (tmp_path / "file").touch()
    message = error(run(tiny_config(*BRIEF), "--work-dir", work_dir))
    assert f"The work dir {work_dir}" in message.replace("/seed0", "") and "--work-dir" in message


def test_a_work_dir_in_use_is_refused(tiny_config, tmp_path):
    (tmp_path / "work/seed0").mkdir(parents=True)
    with filelock.FileLock(tmp_path / "work/seed0/.lock"):
        message = error(run(tiny_config(*BRIEF), "--work-dir", "work"))
    assert "Another run is using work/seed0. Wait for it, or choose another folder" in message
    assert run(tiny_config(*BRIEF), "--work-dir", "work").exit_code == 0


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(tiny_config, device):
    result = CliRunner().invoke(main, ["run", str(tiny_config(*BRIEF)), "--device", device])
    message = error(result)
    assert f"The device {device!r} cannot be used" in message and "--device cpu" in message


def test_a_full_disk_at_the_record_costs_nothing_but_the_record(tiny_config, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    config = tiny_config(*BRIEF)
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "write_record", full)
        message = error(run(config, "--work-dir", "work"))
    assert "cannot be written: No space left on device" in message and "same command again" in message
    assert not records(tmp_path / "work")
    again = run(config, "--work-dir", "work")
    assert again.exit_code == 0 and "Going on from step 1 of 1." in again.output
    assert len(records(tmp_path / "work")) == 1


def test_a_loss_that_is_nan_is_one_message(tiny_config, monkeypatch):
    loss = Depth.loss
    monkeypatch.setattr(Depth, "loss", lambda self, *args: (loss(self, *args)[0] * math.nan, torch.tensor(1)))
    assert "The loss became non-finite: depth = nan." in error(run(tiny_config(*BRIEF)))


NYUD = (
    *BRIEF,
    'tasks = dict(semseg=dict(type="semseg", classes=40), depth=dict(type="depth"))',
    'dataset = dict(type="nyud", root="rooms")',
    'eval_transforms = [dict(type="Resize", size=(32, 48))]',
    'train_transforms = [dict(type="Resize", size=(32, 48))]',
)


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """Write rooms as files of NYUD-MT."""
    Catalog.load().resolve("dataset", "synthrooms").write_layout("nyud", tmp_path / "rooms", 4, 2, (48, 64))
    return tmp_path / "rooms"


def test_files_of_a_dataset_are_trained_on(tiny_config, rooms, tmp_path):
    config = tiny_config(*NYUD, 'dataset["root"] = "/nowhere"')
    assert run(config, "--work-dir", "work", "--data-root", rooms).exit_code == 0
    (name,) = records(tmp_path / "work")
    assert "root" not in json.loads((tmp_path / "work" / name).read_text())["config"]["dataset"]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("split, image", [("train", "0002"), ("val", "0005")])
def test_a_truncated_image_is_one_message(tiny_config, rooms, workers, split, image):
    path = rooms / f"images/{image}.jpg"
    path.write_bytes(path.read_bytes()[:400])
    message = error(run(tiny_config(*NYUD, f"schedule.update(workers={workers})"), "--work-dir", "work"))
    assert f"images/{image}.jpg" in message and "mtlbench data get nyud" in message
    assert len(message) < 300


def mtlbench(
    *arguments: object, paths: tuple[Path, ...] = (), python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with more distributions installed."""
    environment = {key: value for key, value in os.environ.items() if key != "MTLBENCH_STRICT_PLUGINS"}
    environment["PYTHONPATH"] = os.pathsep.join([*map(str, paths), environment.get("PYTHONPATH", "")])
    command = [sys.executable, *python, "-m", "mtlbench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a process wrote to stderr besides the times of its imports."""
    lines = (line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    return " ".join(" ".join(lines).split())


def test_a_missing_dataset_is_said_before_torch_is_imported():
    done = mtlbench("run", CONFIGS / "faar_vitb_nyud.py", python=("-X", "importtime"))
    message = said(done)
    assert done.returncode == 2 and message.startswith("Error: There is no folder data/NYUD_MT")
    for way_on in ("mtlbench data get nyud", "--data-root", "--demo"):
        assert way_on in message
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "mtlbench_nyud.release" in imported and not imported & {"torch", "timm", "torchvision"}


def test_an_outsider_s_adapter_trains_beside_a_broken_plugin(
    tiny_config, outsider, write_distribution, tmp_path
):
    broken = write_distribution("bad-dist", "0.1", {"bad": "bad_plugin"}, bad_plugin="import nowhere_at_all")
    config = tiny_config('adapter = dict(type="outsider-scale")', "schedule.update(iterations=2)")
    done = mtlbench("run", config, "--work-dir", "work", "--device", "cpu", paths=(outsider, broken))
    assert done.returncode == 0, said(done)
    (name,) = records(tmp_path / "work")
    record = json.loads((tmp_path / "work" / name).read_text())
    assert record["components"]["adapter"] == "outsider-adapter:outsider-scale==0.3.0"
    assert record["provenance"]["plugins"]["outsider-adapter"] == "0.3.0"
    assert record["parameters"]["adapter"] == 2 * 32 + 2 * 64 + 4 * 128 + 2 * 256  # one scale per channel
    saved = torch.load(tmp_path / "work/seed0/checkpoints/step-00000002.pt")["model"]
    scales = {key: value for key, value in saved.items() if key.endswith("attn.proj.scale")}
    assert len(scales) == 10 and all((value != 1).any() for value in scales.values())


def test_an_experiment_that_needs_a_broken_plugin_says_why(tiny_config, write_distribution):
    broken = write_distribution("bad-dist", "0.1", {"bad": "bad_plugin"}, bad_plugin="import nowhere_at_all")
    config = tiny_config('adapter = dict(type="badly")')
    done = mtlbench("run", config, "--device", "cpu", paths=(broken,))
    assert done.returncode == 2
    assert "bad-dist 0.1" in said(done) and "nowhere_at_all" in said(done)


CLASH = """
    from mtlbench.plugin import Adapter, hookimpl

    @hookimpl
    def mtlbench_adapters():
        return [Adapter(name="outsider-scale", target="clash:Scale", summary="Clash with the outsider.")]
"""


def test_two_providers_of_one_name_are_an_error(tiny_config, outsider, write_distribution):
    clash = write_distribution("clash", "2.0", {"clash": "clash_plugin"}, clash_plugin=CLASH)
    config = tiny_config('adapter = dict(type="outsider-scale")', "schedule.update(iterations=1)")
    done = mtlbench("run", config, "--device", "cpu", paths=(outsider, clash))
    assert done.returncode == 2
    assert "outsider-adapter" in said(done) and "clash" in said(done) and "0.3.0" in said(done)
    chosen = tiny_config(
        'adapter = dict(type="outsider-adapter:outsider-scale")', "schedule.update(iterations=1)"
    )
    done = mtlbench("run", chosen, "--device", "cpu", paths=(outsider, clash))
    assert done.returncode == 0, said(done)

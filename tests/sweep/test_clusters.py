"""The engines of clusters, on a real local Ray cluster and on submitit's processes; skipped where absent."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from rich.console import Console

from mtlbench.cli import main
from mtlbench.sweep.engine import Limits, execute
from mtlbench.sweep.errors import SweepError
from mtlbench.sweep.jobs import Outcome, plan
from mtlbench.sweep.ray_cluster import _check
from mtlbench.sweep.sweep import sweep

SHORT = "schedule.update(iterations=4)"
LONG = "schedule.update(iterations=60)"


def alone(config: Path, folder: Path) -> dict:
    """Return the metrics of an undisturbed run."""
    (job,) = plan([config], [0], folder, device="cpu")
    assert CliRunner().invoke(main, job.arguments).exit_code == 0
    return job.record().metrics


def test_a_job_runs_inside_a_process_that_was_started_elsewhere(tiny_config, tmp_path, monkeypatch):
    (job,) = plan([tiny_config(SHORT)], [0], tmp_path / "runs", device="cpu")
    job.folder.mkdir(parents=True)
    monkeypatch.chdir("/")
    near = replace(job, config=Path("tiny.py"), work_dir=Path("runs/tiny"), folder=Path("runs/tiny/seed0"))
    assert execute(near, str(tmp_path)) == 0
    assert job.record() and "step 4/4" in job.console.read_text()


def test_a_job_that_fails_inside_says_so_in_its_file(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (job,) = plan([tiny_config('backbone["width"] = 3')], [0], tmp_path / "runs", device="cpu")
    job.folder.mkdir(parents=True)
    assert execute(job, str(tmp_path)) == 2
    assert "Error: " in job.console.read_text()


def test_a_defect_inside_a_job_is_its_own(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (job,) = plan([tiny_config()], [0], tmp_path / "runs", device="cpu")
    job.folder.mkdir(parents=True)
    monkeypatch.setattr("mtlbench.cli.run._one", lambda *arguments: 1 / 0)
    assert Outcome.of(job, execute(job, str(tmp_path))).reason == "ZeroDivisionError: division by zero"


def test_what_this_machine_can_never_run_is_not_waited_for():
    _check({"CPU": 2.0, "memory": 2e9}, {"CPU": 2, "GPU": 0, "memory": 1e9})
    with pytest.raises(SweepError, match="less GPU for Ray"):
        _check({"CPU": 2.0, "memory": 2e9}, {"CPU": 2, "GPU": 1, "memory": 1e9})


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_extra_is_named(tiny_config, tmp_path, monkeypatch, engine, package):
    monkeypatch.setitem(sys.modules, package, None)
    jobs = plan([tiny_config()], [0], tmp_path / "runs")
    with pytest.raises(SweepError, match=rf'pip install "mtlbench\[{engine}\]"'):
        sweep(jobs, engine, Limits(), Console(file=io.StringIO()))


@pytest.mark.slow
def test_a_run_whose_ray_worker_is_killed_ends_with_the_same_record(tiny_config, tmp_path):
    pytest.importorskip("ray")
    config = tiny_config(LONG)
    expected = alone(config, tmp_path / "alone")
    (job,) = plan([config], [0], tmp_path / "swept", device="cpu")
    bad = plan([tiny_config('backbone["width"] = 3', name="bad.py")], [0], tmp_path / "swept", device="cpu")
    command = [sys.executable, "-m", "mtlbench", "sweep", str(config), str(bad[0].config)]
    command += [
        "--engine",
        "ray",
        "--work-dir",
        str(tmp_path / "swept"),
        "--device",
        "cpu",
        "--memory",
        "0.5",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checkpoints = job.folder / "checkpoints"
    until(lambda: checkpoints.is_dir() and any(checkpoints.iterdir()))
    os.kill(owner(job.folder), signal.SIGKILL)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 1 and "bad/seed0" in err, out + err
    assert job.record().metrics == expected
    assert job.console.read_text().count("$ mtlbench run") == 2 and "Going on from step" in job.printed()


@pytest.mark.slow
def test_an_array_of_submitit_leaves_the_same_records(tiny_config, tmp_path):
    pytest.importorskip("submitit")
    config = tiny_config(SHORT)
    expected = alone(config, tmp_path / "alone")
    jobs = plan(
        [config, tiny_config('backbone["width"] = 3', name="bad.py")], [0], tmp_path / "swept", device="cpu"
    )
    limits = Limits(slurm={"cluster": "local", "timeout_min": "5"})
    good, bad = sweep(jobs, "slurm", limits, Console(file=io.StringIO()))
    assert good.record.metrics == expected
    assert bad.record is None and "width" in bad.reason


@pytest.mark.slow
def test_slurm_is_handed_one_array(tiny_config, tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in {
        "sbatch": f'cp "$1" {tmp_path}/script; echo Submitted batch job 7',
        "srun": "exit 1",
        "sacct": "printf 'JobID|State|NodeList\\n7_0|FAILED|n\\n7_1|FAILED|n\\n'",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    jobs = plan([tiny_config(SHORT)], [0, 1], tmp_path / "swept", device="cpu")
    limits = Limits(processes=1, threads=2, slurm={"partition": "long", "timeout_min": "90"})
    outcomes = sweep(jobs, "slurm", limits, Console(file=io.StringIO()))
    assert [outcome.record for outcome in outcomes] == [None, None]
    assert all("(state: FAILED)" in outcome.reason for outcome in outcomes)
    script = (tmp_path / "script").read_text()
    for line in ("--array=0-1%1", "--partition=long", "--time=90", "--cpus-per-task=2", "--mem=2GB"):
        assert f"#SBATCH {line}" in script


def owner(folder: Path) -> int:
    """Return the process that holds a run's folder."""
    lock = str(folder / ".lock")
    for process in psutil.process_iter():
        try:
            if any(file.path == lock for file in process.open_files()):
                return process.pid
        except psutil.Error:
            continue
    raise AssertionError("nobody holds the folder")


def until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)

from __future__ import annotations

from pathlib import Path

import pytest

from mtlbench.errors import MtlbenchError
from mtlbench.results.store import write_record
from mtlbench.sweep.errors import SweepError
from mtlbench.sweep.jobs import Outcome, parse_grid, plan


def test_every_config_point_and_seed_is_a_job(tiny_config, tmp_path):
    configs = [tiny_config(), tiny_config('name = "other"', name="other.py")]
    jobs = plan(
        configs, [0, 2], tmp_path / "runs", grid={"optimizer.lr": ["1e-3", "1e-2"], "adapter.rank": ["2"]}
    )
    assert len(jobs) == len({job.folder for job in jobs}) == 8
    assert [job.title for job in jobs][:3] == [
        "tiny/optimizer.lr=1e-3/adapter.rank=2/seed0",
        "tiny/optimizer.lr=1e-3/adapter.rank=2/seed2",
        "tiny/optimizer.lr=1e-2/adapter.rank=2/seed0",
    ]
    assert jobs[0].folder == tmp_path / "runs/tiny/optimizer.lr=1e-3/adapter.rank=2/seed0"
    assert jobs[0].options == ("optimizer.lr=1e-3", "adapter.rank=2")
    assert len({job.run_id for job in jobs}) == 8  # every point trains something else


def test_without_a_grid_runs_lie_where_run_puts_them(tiny_config, tmp_path):
    (job,) = plan([tiny_config()], [3], tmp_path / "runs", ["schedule.iterations=2"], device="cpu")
    assert job.folder == tmp_path / "runs/tiny/seed3"
    assert job.arguments == [
        *("run", str(tmp_path / "tiny.py"), "--seeds", "3", "--work-dir", str(tmp_path / "runs/tiny")),
        *("--device", "cpu", "--cfg-options", "schedule.iterations=2"),
    ]


def test_single_task_references_are_a_job_per_task(tiny_config, tmp_path):
    jobs = plan([tiny_config("single_task = True")], [0], tmp_path)
    assert [(job.task, job.folder) for job in jobs] == [
        ("depth", tmp_path / "tiny/depth/seed0"),
        ("semseg", tmp_path / "tiny/semseg/seed0"),
    ]
    assert [job.run_id.rpartition("-seed")[0].rpartition("-")[0] for job in jobs] == [
        "tiny-depth",
        "tiny-semseg",
    ]


def test_configs_of_one_name_are_refused(tiny_config, tmp_path):
    (tmp_path / "sub").mkdir()
    with pytest.raises(SweepError, match='Several configs are called "tiny"'):
        plan([tiny_config(), tiny_config(name="sub/tiny.py")], [0], tmp_path)


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(MtlbenchError, match="no config file"):
        plan([Path("nowhere.py")], [0], tmp_path)


def test_axes_of_a_grid_are_read():
    assert parse_grid(["optimizer.lr=5e-4,1.5e-3", "adapter.rank=4"]) == {
        "optimizer.lr": ["5e-4", "1.5e-3"],
        "adapter.rank": ["4"],
    }
    assert parse_grid(["a=[1,2],[3]", "b=(x,y)", "c=1,2,1"]) == {
        "a": ["[1,2]", "[3]"],
        "b": ["(x,y)"],
        "c": ["1", "2"],
    }


@pytest.mark.parametrize("words", [["lr"], ["lr="], ["=1"], ["a=1", "a=2"]])
def test_what_is_no_axis_is_refused(words):
    with pytest.raises(SweepError, match="no axis of a grid"):
        parse_grid(words)


@pytest.mark.parametrize(
    ("code", "printed", "reason"),
    [
        (2, "step 1\nError: There is no data.\n", "There is no data."),
        (1, "Traceback\nValueError: x\n", "ValueError: x"),
        (-9, "step 1\n", "killed by SIGKILL, perhaps for want of memory"),
        (-15, "step 1\n", "killed by SIGTERM"),
        (None, "step 1\n", "its process was lost"),
        (1, None, "it printed nothing"),
        (0, "", "it printed nothing"),
    ],
)
def test_a_run_without_a_record_says_why(tiny_config, tmp_path, code, printed, reason):
    (job,) = plan([tiny_config()], [0], tmp_path / "runs")
    job.folder.mkdir(parents=True)
    if printed is not None:
        job.console.write_text(printed)
    assert Outcome.of(job, code) == Outcome(job, None, reason)


def test_what_an_earlier_attempt_said_is_not_taken_for_the_last_ones(tiny_config, tmp_path):
    (job,) = plan([tiny_config()], [0], tmp_path / "runs")
    job.folder.mkdir(parents=True)
    job.begin()
    with job.console.open("a") as file:
        file.write("step 4/8  depth 0.5  3 s, 4 s left\nError: There is no data.\n")
    assert Outcome.of(job, 1).reason == "There is no data."
    job.begin()
    assert job.printed() == "" and Outcome.of(job, 1).reason == "it printed nothing"
    with job.console.open("a") as file:
        file.write("ValueError: x\n")
    assert Outcome.of(job, 1).reason == "ValueError: x"
    assert job.console.read_text().count("$ mtlbench run ") == 2


def test_a_job_knows_the_sweeps_folder(tiny_config, tmp_path):
    jobs = plan([tiny_config("single_task = True")], [0], tmp_path / "runs", grid={"optimizer.lr": ["1"]})
    assert {job.root for job in jobs} == {tmp_path / "runs"}


def test_a_record_counts_whatever_the_process_said(tiny_config, tmp_path, make_record):
    (job,) = plan([tiny_config()], [0], tmp_path / "runs")
    record = make_record("tiny")
    job.folder.mkdir(parents=True)
    written = write_record(record, job.folder)
    written.rename(job.folder / f"{job.run_id}.json")
    assert Outcome.of(job, 1) == Outcome(job, record)


def test_a_damaged_record_is_no_record(tiny_config, tmp_path):
    (job,) = plan([tiny_config()], [0], tmp_path / "runs")
    job.folder.mkdir(parents=True)
    (job.folder / f"{job.run_id}.json").write_text("{")
    assert job.record() is None

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from rich.console import Console

from mtlbench.cli import main
from mtlbench.results.store import load_record
from mtlbench.sweep import local
from mtlbench.sweep.engine import Limits
from mtlbench.sweep.errors import SweepError
from mtlbench.sweep.jobs import plan
from mtlbench.sweep.progress import Watch
from mtlbench.sweep.sweep import sweep

BRIEF = ('adapter = dict(type="frozen")', "schedule.update(iterations=1)")


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Let a job's process be a small program that prints, and that notes how many run at once."""
    program = tmp_path / "stand_in.py"
    program.write_text(
        "import os, sys, time, pathlib\n"
        "here = pathlib.Path(os.environ['NOTES'])\n"
        "mine = here / f'{os.getpid()}'\n"
        "mine.touch()\n"
        "with (here / 'seen').open('a') as file:\n"
        "    print(len([p for p in here.iterdir() if p.name.isdigit()]),\n"
        "          os.environ.get('CUDA_VISIBLE_DEVICES'), os.environ['OMP_NUM_THREADS'], file=file)\n"
        "time.sleep(0.3)\n"
        "mine.unlink()\n"
        "print('step 1/2  depth 0.5  3 s, 3 s left')\n"
        "sys.exit('Error: no' if sys.argv[sys.argv.index('--seeds') + 1] == '1' else 0)\n"
    )
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv("NOTES", str(notes))
    popen = subprocess.Popen

    def start(command, **options):
        assert command[1:4] == ["-m", "mtlbench", "run"]
        return popen([sys.executable, str(program), *command[3:]], **options)

    monkeypatch.setattr(local.subprocess, "Popen", start)
    return lambda: [line.split() for line in (notes / "seen").read_text().splitlines()]


def jobs_of(config, tmp_path, count):
    return plan([config], range(count), tmp_path / "runs")


def made(jobs):
    for job in jobs:
        job.folder.mkdir(parents=True)
    return jobs


def test_no_more_run_at_once_than_allowed_and_each_has_its_gpu(tiny_config, tmp_path, stand_in, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what is asked for goes before
    jobs = made(jobs_of(tiny_config(), tmp_path, 5))
    outcomes = list(local.run(jobs, Limits(2, memory=1e-3, threads=3), lambda running: None))
    assert sorted(outcome.job.seed for outcome in outcomes) == [0, 1, 2, 3, 4]
    assert {outcome.job.seed: outcome.reason for outcome in outcomes}[1] == "no"
    seen = stand_in()
    assert len(seen) == 5 and all(int(count) <= 2 for count, *_ in seen)  # on a busy machine, one
    assert {gpu for _, gpu, _ in seen} == {"4", "7"} and {threads for *_, threads in seen} == {"3"}


def test_where_memory_is_short_one_runs_at_a_time(tiny_config, tmp_path, stand_in, monkeypatch):
    monkeypatch.setattr(local.psutil, "virtual_memory", lambda: SimpleNamespace(available=0))
    list(local.run(made(jobs_of(tiny_config(), tmp_path, 3)), Limits(3), lambda running: None))
    assert [count for count, *_ in stand_in()] == ["1", "1", "1"]


def test_a_run_that_has_just_begun_says_nothing_of_the_memory_it_will_take(
    tiny_config, tmp_path, stand_in, monkeypatch
):
    monkeypatch.setattr(local.psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * 2**30))
    list(local.run(made(jobs_of(tiny_config(), tmp_path, 3)), Limits(3, memory=2), lambda running: None))
    assert [count for count, *_ in stand_in()] == ["1", "1", "1"]


def test_a_folder_that_cannot_be_made_is_named(tiny_config, tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(SweepError, match="--work-dir"):
        sweep(jobs_of(tiny_config(), tmp_path, 1), "local", Limits(), Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--grid", "optimizer.lr=1,2", "adapter.rank=4,8"], "write --grid or --cfg-options before every"),
        (["--cfg-options", "schedule.iterations=1", "nothing=2"], "nothing"),
        (["--grid", "optimizer.lr"], "no axis of a grid"),
        (["--slurm", "partition"], "KEY=VALUE"),
    ],
)
def test_words_that_say_nothing_are_refused(tiny_config, tmp_path, words, said):
    result = CliRunner().invoke(
        main, ["sweep", str(tiny_config()), *words, "--work-dir", str(tmp_path / "w")]
    )
    assert result.exit_code and said in result.stderr and not (tmp_path / "w").exists()


def test_an_end_in_the_middle_leaves_no_process(tiny_config, tmp_path, stand_in):
    running = []
    outcomes = local.run(made(jobs_of(tiny_config(), tmp_path, 4)), Limits(1, memory=1e-3), running.append)
    next(outcomes)
    outcomes.close()
    assert len(stand_in()) <= 2


def test_progress_counts_what_ended_and_reads_what_runs(tiny_config, tmp_path):
    first, second = jobs_of(tiny_config(), tmp_path, 2)
    first.folder.mkdir(parents=True)
    first.console.write_text("tiny seed 0  step 4/8  depth 0.5 semseg 1.2  3 s, 4 s left\n")
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Watch(2, console) as watch:
        watch.look([first, second])
        row = watch.bars.tasks[1]
        assert (row.completed, row.total, row.fields["note"]) == (4, 8, "depth 0.5 semseg 1.2, 4 s left")
        watch.ended(local.Outcome.of(first, 1))
        watch.look([second])
    assert len(watch.bars.tasks) == 2 and watch.failed == 1
    assert "FAILED" in console.file.getvalue()


@pytest.mark.slow
def test_a_sweep_ends_with_the_records_of_single_runs(tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good, bad = tiny_config(*BRIEF), tiny_config(*BRIEF, 'backbone["width"] = 3', name="bad.py")
    words = ["sweep", str(good), str(bad), "--seeds", "0", "1", "--work-dir", "swept", "--device", "cpu"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1, result.output
    assert "bad/seed0" in result.stderr and "Traceback" not in result.output
    records = sorted(Path("swept/records").rglob("*.json"))
    assert [path.name[-10:-5] for path in records] == ["-seed0"[1:], "seed1"]
    assert (
        CliRunner().invoke(main, ["run", str(good), "--work-dir", "alone", "--device", "cpu"]).exit_code == 0
    )
    (alone,) = Path("alone/seed0").glob("*-seed0.json")
    assert load_record(alone).metrics == load_record(records[0]).metrics
    before = [path.stat().st_mtime_ns for path in Path("swept/tiny").rglob("*-seed*.json")]
    again = CliRunner().invoke(main, words)
    assert "2 of 4 runs are finished already." in again.output
    assert before == [path.stat().st_mtime_ns for path in Path("swept/tiny").rglob("*-seed*.json")]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="children end with their parent on Linux alone")
def test_a_killed_sweep_leaves_no_run_behind_and_goes_on(tiny_config, tmp_path):
    config = tiny_config("schedule.update(iterations=60)")
    command = [sys.executable, "-m", "mtlbench", "sweep", str(config), "--work-dir", str(tmp_path / "swept")]
    (job,) = plan([config], [0], tmp_path / "swept")
    sweep = subprocess.Popen([*command, "--device", "cpu"], stdout=subprocess.DEVNULL)
    until(lambda: "step" in job.console.read_text() if job.console.exists() else False)
    os.kill(sweep.pid, signal.SIGKILL)
    sweep.wait()
    done = subprocess.run([*command, "--device", "cpu"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    alone = CliRunner().invoke(
        main, ["run", str(config), "--work-dir", str(tmp_path / "alone"), "--device", "cpu"]
    )
    assert alone.exit_code == 0
    (path,) = (tmp_path / "alone/seed0").glob("*-seed0.json")
    assert job.record().metrics == load_record(path).metrics


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)

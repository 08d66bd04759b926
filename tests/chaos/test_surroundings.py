"""Clocks that jump, homes that are not there, odd names of folders, two runs on one folder."""

from __future__ import annotations

import os
import random
import time

import pytest


def test_a_clock_that_jumps_changes_no_number(finish, undisturbed, same_run, tmp_path, figures):
    def jump():
        rng, real = random.Random(1), time.time
        time.time = lambda: real() + rng.uniform(-1e7, 1e7)

    equal = finish(tmp_path / "run", jump) == 0 and same_run(tmp_path / "run", undisturbed)
    figures("clock that jumps by months", 1, int(equal))
    assert equal


@pytest.mark.parametrize(
    "name", ["with space", "ünïcode 房间", "quo'te\"s", "new\nline", "percent%s{x}", "-dash", "#hash"]
)
def test_folders_of_any_name_serve(finish, undisturbed, same_run, tmp_path, figures, name):
    work_dir = tmp_path / name / name
    work_dir.parent.mkdir()
    equal = finish(work_dir) == 0 and same_run(work_dir, undisturbed)
    figures(f"folder named {name!r}", 1, int(equal))
    assert equal


@pytest.mark.parametrize("home", ["/nonexistent/home", "/proc", None])
def test_no_home_is_needed(finish, undisturbed, same_run, tmp_path, figures, home):
    def move():
        os.environ.pop("HOME", None)
        if home:
            os.environ["HOME"] = home

    equal = finish(tmp_path / "run", move) == 0 and same_run(tmp_path / "run", undisturbed)
    figures(f"home {home or 'unset'}", 1, int(equal))
    assert equal


def test_a_second_run_on_one_folder_is_refused(begin, finish, undisturbed, same_run, tmp_path, figures):
    work_dir = tmp_path / "run"
    pid = begin(work_dir)
    while not (work_dir / "train.log").exists():
        time.sleep(0.01)
    code = finish(work_dir)
    first = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    refused = code == 2 and "Another run is using" in (tmp_path / "run.said").read_text()
    equal = first == 0 and same_run(work_dir, undisturbed)
    figures("two runs on one folder", 1, int(refused and equal))
    assert refused and equal

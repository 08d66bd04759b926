"""SIGKILL at random moments: the run goes on and ends with the very same record."""

from __future__ import annotations

import os
import random
import signal
import time

KILLS = 50


def test_kills_at_random_moments_change_nothing(begin, finish, undisturbed, same_run, tmp_path, figures):
    rng, survived, landed = random.Random(7), 0, 0
    start = time.monotonic()
    assert finish(tmp_path / "measured") == 0
    duration = time.monotonic() - start
    for trial in range(KILLS):
        work_dir = tmp_path / f"run{trial}"
        pid = begin(work_dir)
        time.sleep(rng.uniform(0.0, duration))
        os.kill(pid, signal.SIGKILL)
        landed += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        assert finish(work_dir) == 0, (tmp_path / f"run{trial}.said").read_text()
        survived += same_run(work_dir, undisturbed)
    figures("SIGKILL at random moments of a run", KILLS, survived)
    assert survived == KILLS and landed > KILLS / 2


def test_a_run_that_is_killed_again_and_again_ends_the_same(
    begin, finish, undisturbed, same_run, tmp_path, figures
):
    rng, kills = random.Random(8), 0
    work_dir = tmp_path / "again"
    for _ in range(12):
        pid = begin(work_dir)
        time.sleep(rng.uniform(0.2, 1.2))
        os.kill(pid, signal.SIGKILL)
        kills += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert finish(work_dir) == 0
    equal = same_run(work_dir, undisturbed)
    figures("SIGKILL of one run, again and again", kills, kills * equal)
    assert equal

"""A process of a data-parallel run is killed: the job ends with an error, and goes on when repeated."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import psutil

KILLS = 3
BOUND = 120  # seconds until the job must have ended


def test_a_killed_rank_ends_the_job_which_goes_on(tiny_config, tmp_path, same_run, figures):
    config, rng, survived = tiny_config("adapter.update(rank=8, rho=0.6)"), random.Random(5), 0
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]

    def start(name):
        command = [*launcher, "-m", "mtlbench", "run", str(config), "--work-dir", str(tmp_path / name)]
        return subprocess.Popen(
            [*command, "--device", "cpu"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    assert start("undisturbed").wait(timeout=600) == 0
    for trial in range(KILLS):
        job = start(f"run{trial}")
        checkpoints = tmp_path / f"run{trial}/seed0/checkpoints"
        while not checkpoints.is_dir():
            assert job.poll() is None
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.5))
        ranks = [child for child in psutil.Process(job.pid).children() if "mtlbench" in child.cmdline()]
        if ranks:
            os.kill(rng.choice(ranks).pid, signal.SIGKILL)
        code = job.wait(timeout=BOUND)
        again = start(f"run{trial}").wait(timeout=600)
        equal = again == 0 and same_run(tmp_path / f"run{trial}/seed0", tmp_path / "undisturbed/seed0")
        survived += equal and (code != 0 or not ranks)
    figures("SIGKILL of a process of a data-parallel run", KILLS, survived)
    assert survived == KILLS

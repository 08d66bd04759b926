"""A run that was killed and resumed ends in the very same numbers as one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from mtlbench.engine.checkpoint import load_latest
from mtlbench.engine.hooks.step import StepHook
from mtlbench.results.store import load_record

STEPS = 12
#: ranks shrink after every one of the three epochs
SHRINKING = "adapter.update(rank=8, rho=0.6)"


def start(config: Path, work_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mtlbench", "run", str(config), "--work-dir", str(work_dir)]
    return subprocess.Popen(
        [*command, "--device", "cpu"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def kill(process: subprocess.Popen[str], sign: Path, delay: float) -> bool:
    """Kill the process some time after the file `sign` was there; return whether it was still alive."""
    while not sign.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def same(left: Any, right: Any) -> bool:
    """Return whether two checkpoints hold the same values, bit for bit."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, torch.Tensor):  # NaN stands for what was not there yet
        return (
            left.dtype == right.dtype
            and torch.equal(left.isnan(), right.isnan())
            and torch.equal(left[~left.isnan()], right[~right.isnan()])
        )
    return left == right


def assert_same_run(left: Path, right: Path) -> None:
    """Compare two work dirs: the numbers of the records and the tensors of the last checkpoints."""
    records = [load_record(next(place.glob("*-seed0.json"))) for place in (left, right)]
    numbers = ("metrics", "primary", "rank_map", "curves", "weights")
    for field in (*numbers, "parameters", "config_hash", "iterations"):
        assert getattr(records[0], field) == getattr(records[1], field), field
    ends = [load_latest(place / "checkpoints") for place in (left, right)]
    for part in ("step", "structure", "model", "optimizer", "epochs"):
        assert same(ends[0][part], ends[1][part]), part
    assert ends[0]["step"] == STEPS


def test_three_kills_change_nothing(tiny_config, train, tmp_path):
    rng = random.Random(2)
    work = tmp_path / "killed"
    checkpoints = work / "seed0/checkpoints"
    signs = [  # anywhere in the first epoch or beyond; while ranks shrink; after training
        (work / "seed0/train.log", rng.uniform(0.0, 0.6)),
        (checkpoints / "step-00000008.json", rng.uniform(0.0, 0.2)),
        (checkpoints / "step-00000012.json", rng.uniform(0.0, 0.1)),
    ]
    config = tiny_config(SHRINKING)
    killed = [kill(start(config, work), sign, delay) for sign, delay in signs]
    assert killed == [True, True, True]
    last = start(config, work)
    output, _ = last.communicate()
    assert last.returncode == 0, output
    assert f"Going on from step {STEPS} of {STEPS}." in output

    record, whole = train(SHRINKING)
    assert_same_run(work / "seed0", whole)
    history = load_latest(whole / "checkpoints")["epochs"]["rank_maps"]
    totals = [sum(sum(streams.values()) for streams in ranks.values()) for ranks in history]
    assert len(totals) == 3 and totals[0] > totals[1] > totals[2], totals
    assert record.rank_map == history[-1]
    assert record.parameters.final < record.parameters.peak


class Interrupted(Exception):
    """Stand for whatever ends a process."""


@pytest.mark.parametrize(
    "at, changes",
    [
        (7, {"balancer__type": "uw", "schedule__workers": 1, "adapter__explore": 0.5}),
        (6, {"balancer__type": "lps"}),  # compares the epoch's losses with those before the checkpoint
        (9, {"schedule__accumulate": 2, "balancer": [{"type": "dwa"}, {"type": "gradvac", "every": 2}]}),
        (6, {"balancer": {"type": "moco"}, "adapter__rank": 8, "adapter__rho": 0.6}),  # state by parameter
        (5, {"adapter": {"type": "full"}, "decoder__type": "hrnet", "schedule__amp": "bf16"}),
    ],
)
def test_an_interruption_changes_nothing(train, tmp_path, monkeypatch, at, changes):
    _, whole = train(work_dir=tmp_path / "whole", **changes)
    prepare = StepHook.before_train_iter

    def interrupt(self, runner, batch_idx, data_batch=None):
        if batch_idx == at:
            raise Interrupted
        prepare(self, runner, batch_idx, data_batch)

    with monkeypatch.context() as patch:
        patch.setattr(StepHook, "before_train_iter", interrupt)
        with pytest.raises(Interrupted):
            train(work_dir=tmp_path / "cut", **changes)
    assert load_latest(tmp_path / "cut/checkpoints")["step"] == at - at % 4
    torch.manual_seed(99)  # no state of the generators may matter
    train(work_dir=tmp_path / "cut", **changes)
    assert_same_run(tmp_path / "cut", whole)

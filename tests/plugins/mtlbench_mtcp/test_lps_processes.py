"""Processes that see different images weight alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mtlbench.results.store import load_record

#: trains, and leaves what each process has for weights after each epoch
SPY = """
import json, os
from mtlbench.cli import main
from mtlbench.engine import distributed
from mtlbench_mtcp.lps import LPS

after_epoch = LPS.after_epoch

def spy(self, losses):
    after_epoch(self, losses)
    with open(f"{os.environ['SPY']}/{distributed.rank()}", "a") as file:
        print(json.dumps(dict(zip(self.tasks, self.weight.tolist()))), file=file)

LPS.after_epoch = spy
main()
"""


@pytest.mark.slow
def test_all_processes_have_the_same_weights(tiny_config, tmp_path):
    script, spied = tmp_path / "spy.py", tmp_path / "spied"
    script.write_text(SPY)
    spied.mkdir()
    config = tiny_config('balancer = dict(type="lps")', 'adapter = dict(type="lora", rank=4)')
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, str(script), "run", str(config), "--work-dir", str(tmp_path / "work"), "--device", "cpu"],
        env={**os.environ, "SPY": str(spied)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = ([json.loads(line) for line in (spied / rank).open()] for rank in "01")
    assert first == second and len(first) == 3
    record = load_record(next((tmp_path / "work/seed0").glob("*-seed0.json")))
    for task, trace in record.weights.items():
        assert trace == pytest.approx([1.0, first[0][task], first[1][task]], rel=1e-6)  # which are float32

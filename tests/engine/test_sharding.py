"""A backbone whose frozen weights are spread over processes is the same backbone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mtlbench.engine import distributed
from mtlbench.engine.errors import RunError
from mtlbench.engine.sharding import shard_frozen
from mtlbench.results.store import load_record

LINES = ("schedule.update(iterations=3, eval_batch_size=1)", "dataset.update(val_rooms=3)")
CASES = {
    "ranks that are cut": ('adapter = dict(type="faar", rank=8, rho=0.6)',),
    "gradients that are combined": ('adapter = dict(type="lora", rank=2)', 'balancer = dict(type="pcgrad")'),
    "streams": ('adapter = dict(type="mtlora", rank=2, task_rank=2)', 'balancer = dict(type="famo")'),
}
#: prints what this process holds of the backbone, beside all of it
PROBE = """
import sys
from mtlbench.cli import main
from mtlbench.engine import experiment
shard = experiment.shard_frozen
def probe(model, device):
    whole = sum(p.numel() for p in model.backbone.parameters())
    shard(model, device)
    held = sum(getattr(p, "to_local", lambda p=p: p)().numel() for p in model.backbone.parameters())
    print("HELD", held, whole, flush=True)
experiment.shard_frozen = probe
main()
"""


def launch(config: Path, work_dir: Path, *more: str, code: str = "import mtlbench.cli as c; c.main()") -> str:
    """Run a config in two processes; return what they printed."""
    program = work_dir.with_suffix(".py")
    program.write_text(code)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*torchrun, program, "run", config, "--work-dir", work_dir, "--device", "cpu", *more]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[:3000]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("lines", CASES.values(), ids=CASES)
def test_a_sharded_run_is_the_same_run(tiny_config, tmp_path, lines):
    config = tiny_config(*LINES, *lines)
    launch(config, tmp_path / "whole")
    printed = launch(config, tmp_path / "sharded", "--shard", code=PROBE)
    held, whole = map(int, printed.split("HELD")[1].split()[:2])
    assert 0.4 * whole < held < 0.85 * whole
    left, right = (tmp_path / name / "seed0" for name in ("whole", "sharded"))
    ours, theirs = (load_record(next(place.glob("*-seed0.json"))) for place in (left, right))
    for name in ("metrics", "curves", "parameters", "rank_map", "run_id"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.provenance.weights == theirs.provenance.weights
    first, second = (torch.load(place / "checkpoints/step-00000003.pt")["model"] for place in (left, right))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_cannot_be_spread_is_refused(parts, monkeypatch):
    with pytest.raises(RunError, match=r"there is one\. Start several: torchrun"):
        shard_frozen(parts().model, "cpu")
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    with pytest.raises(RunError, match="frozen, so that --shard would spread nothing"):
        shard_frozen(parts('adapter = dict(type="full")').model, "cpu")

"""Two processes that share a batch are one process with the whole batch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mtlbench.engine import checkpoint, distributed
from mtlbench.engine.checkpoint import CheckpointError, load_latest
from mtlbench.engine.config import ConfigError
from mtlbench.engine.datasets import train_loader
from mtlbench.engine.model import _global_losses
from mtlbench.results.store import load_record

STEPS = (4, 8)
#: plain gradient descent, because Adam turns rounding errors of tiny gradients into steps of full size
LINES = (
    "adapter.update(dropout=0.0, rank=8, rho=0.6)",
    'balancer = dict(type="uw")',
    'optimizer = dict(type="SGD", lr=1e-2, momentum=0.9)',
    f"schedule.update(iterations={STEPS[1]})",
)


def files(folder: Path) -> set[str]:
    """Return the names below `folder`, without times."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {re.sub(r"\d{8}_\d{6}", "X", name) for name in names}


def launch(config: Path, work_dir: Path) -> str:
    """Run a config with seed 1 in two processes; return what they printed."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*torchrun, "-m", "mtlbench", "run", str(config), "--work-dir", str(work_dir)]
    done = subprocess.run(
        [*command, "--device", "cpu", "--seeds", "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_two_processes_with_half_the_batch_each_are_one_with_all_of_it(tiny_config, train, tmp_path):
    _, one = train(*LINES, work_dir=tmp_path / "one" / "seed1", seed=1)
    printed = launch(tiny_config(*LINES), tmp_path / "two")
    two = tmp_path / "two" / "seed1"

    ours, theirs = (load_record(next(place.glob("*-seed1.json"))) for place in (one, two))
    assert ours.rank_map == theirs.rank_map and ours.run_id == theirs.run_id
    assert any(rank < 8 for streams in ours.rank_map.values() for rank in streams.values())
    for task, (first, second) in ours.curves.items():
        assert theirs.curves[task] == [pytest.approx(first, rel=1e-6), pytest.approx(second, rel=1e-3)]
    for task, values in ours.metrics.items():
        assert theirs.metrics[task] == pytest.approx(values, rel=1e-2, abs=0.1)
    # rounding stays rounding until a unit sits on the kink of its ReLU, which a longer run makes likelier
    for step, tolerance in zip(STEPS, (1e-5, 1e-3), strict=True):
        left, right = (torch.load(place / f"checkpoints/step-{step:08d}.pt")["model"] for place in (one, two))
        assert left.keys() == right.keys()
        for name, value in left.items():
            assert (value - right[name]).abs().max() <= tolerance * value.abs().max() + 1e-8, (step, name)
    moved = [value for name, value in left.items() if "log_variance" in name]
    assert len(moved) == 2 and all(value.abs() > 1e-3 for value in moved)

    # rank 0 alone writes and speaks
    assert files(two) == files(one)
    assert (two / "train.log").read_text().count("metrics") == 1
    assert printed.count("record ") == 1


@pytest.mark.parametrize(
    "balancer",
    [
        '[dict(type="uw"), dict(type="pcgrad")]',
        'dict(type="cagrad", scope="last-blocks", every=2)',
        'dict(type="mgda-ub")',
    ],
    ids=["shared", "last-blocks", "representation"],
)
def test_two_processes_combine_the_gradients_of_one(tiny_config, train, tmp_path, balancer):
    lines = (
        'adapter = dict(type="lora", rank=2)',
        'decoder = dict(type="hrnet", neck_channels=(4, 4, 4, 4))',
        f"balancer = {balancer}",
        'optimizer = dict(type="SGD", lr=1e-2)',
        "schedule.update(iterations=3)",
    )
    _, one = train(*lines, work_dir=tmp_path / "one" / "seed1", seed=1)
    launch(tiny_config(*lines), tmp_path / "two")
    two = tmp_path / "two" / "seed1"
    ours, theirs = (load_record(next(place.glob("*-seed1.json"))) for place in (one, two))
    for place, pairs in ours.conflicts.items():
        assert theirs.conflicts[place] == pytest.approx(pairs, abs=1e-4), place
    left, right = (torch.load(place / "checkpoints/step-00000003.pt")["model"] for place in (one, two))
    assert any(name.endswith(".alpha") and value.isfinite().all() for name, value in left.items())
    for name, value in left.items():
        assert (value - right[name]).abs().max() <= 1e-5 * value.abs().max() + 1e-8, name


def test_a_loss_has_the_same_bits_on_every_process_and_the_gradient_of_its_share(monkeypatch):
    shares = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0)).pow(4) * 1000
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    for pair in shares:
        total = torch.stack([torch.full((1,), 14.0), pair.sum()[None]])
        monkeypatch.setattr(distributed, "total", lambda values, total=total: total)
        for share in pair.clone():
            share.requires_grad_()
            loss = _global_losses({"depth": (share, torch.tensor(7.0))})["depth"]
            loss.backward()
            assert loss.item() == (pair.sum() / 14).item()
            assert share.grad.item() == pytest.approx(2 / 14)


def test_a_checkpoint_of_two_processes_is_not_one_of_one(train, tmp_path, monkeypatch):
    _, work_dir = train(schedule__iterations=1)
    next(work_dir.glob("*-seed0.json")).unlink()
    content = load_latest(work_dir / "checkpoints")
    assert content["identity"]["processes"] == distributed.world_size() == 1
    content["identity"]["processes"] = 2
    checkpoint.save(
        work_dir / "checkpoints", 1, {k: content[k] for k in content if k not in ("step", "format")}
    )
    with pytest.raises(CheckpointError, match="another config, seed or number of processes"):
        train(schedule__iterations=1)


def test_a_batch_that_cannot_be_shared_equally_is_refused(load, monkeypatch):
    experiment = load()
    monkeypatch.setattr(distributed, "world_size", lambda: 3)
    with pytest.raises(ConfigError, match="3 processes cannot share schedule.batch_size=4"):
        train_loader(experiment, range(12), {}, 0, 0)


def test_one_process_needs_no_group():
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    distributed.average_gradients([parameter])
    assert parameter.grad.tolist() == [1.0, 2.0]
    assert distributed.gather("x") == ["x"] and distributed.rank() == 0

"""Install plugins that the tests need: a genuine outsider, and throw-away ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: on tiny tensors, threads just wait

from mtlbench.results.schema import Record, config_hash, run_id
from mtlbench.results.store import write_record

OUTSIDER = Path(__file__).parent / "outsider"

#: an experiment of three epochs that takes seconds; its ranks shrink
TINY = """
name = "tiny"
tasks = dict(semseg=dict(type="semseg", classes=14), depth=dict(type="depth"))
dataset = dict(type="synthrooms", size=(32, 48), train_rooms=16, val_rooms=6)
train_transforms = [dict(type="RandomFlip", p=0.5)]
backbone = dict(type="rooms-swin", pretrained=False)
adapter = dict(type="faar", rank=4)
decoder = dict(type="ts-pd", neck_channels=(4, 4, 4, 4))
optimizer = dict(type="AdamW", lr=5e-3)
schedule = dict(batch_size=4, iterations=12, warmup=0.1, clip_grad=5.0)
evaluation = dict(pictures=0)
"""


@pytest.fixture(scope="session")
def rooms_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which all tests keep rendered rooms."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny_config(tmp_path: Path, rooms_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that writes the tiny experiment, with more lines at its end, and returns the file."""
    monkeypatch.setenv("MTLBENCH_CACHE", str(rooms_cache))

    def write(*lines: str, name: str = "tiny.py") -> Path:
        path = tmp_path / name
        path.write_text(TINY + "\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture(scope="session")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the outsider's distribution; return the folder to put on PYTHONPATH."""
    target = tmp_path_factory.mktemp("outsider")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(OUTSIDER)], check=True
    )
    return target


@pytest.fixture
def write_distribution(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an installed distribution and returns the folder to put on a path."""

    def write(name: str, version: str, plugins: dict[str, str], **modules: str) -> Path:
        root = tmp_path / f"{name}-{version}"
        info = root / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        points = "\n".join(f"{plugin} = {target}" for plugin, target in plugins.items())
        (info / "entry_points.txt").write_text(f"[mtlbench]\n{points}\n")
        for module, source in modules.items():
            (root / f"{module}.py").write_text(dedent(source))
        return root

    return write


@pytest.fixture
def fresh_modules() -> Iterator[None]:
    """Forget the modules that a test imports."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Return a function that makes a synthetic record of given numbers, which nothing was trained for."""
    return synthetic_record


@pytest.fixture
def make_board(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a board of semseg (higher is better) and depth (lower) with records.

    Its single-task references are 50 % and 0.5 m on average, over the seeds 0, 1 and 2. Keywords give the
    values of further methods, by seed: `lora=[(mIoU, rmse), ...]`.
    """

    def make(**methods: list[tuple[float, float]]) -> Path:
        folder = tmp_path / "leaderboards" / "toy"
        folder.mkdir(parents=True)
        (folder / "board.toml").write_text(TOY_BOARD, encoding="utf-8")
        for task, values in {"semseg": (40, 50, 60), "depth": (0.4, 0.5, 0.6)}.items():
            for seed, value in enumerate(values):
                record = synthetic_record(f"single-task-{task}", seed, {task: value})
                write_record(record, folder / "results" / record.name)
        for name, runs in methods.items():
            for seed, (miou, rmse) in enumerate(runs):
                record = synthetic_record(name, seed, {"semseg": miou, "depth": rmse})
                write_record(record, folder / "results" / name)
        return folder

    return make


TOY_BOARD = """
schema_version = 1
name = "toy"
title = "Toy"
description = "Synthetic records."
seeds = [0, 1, 2]
configs = ["configs/lora_toy.py"]

[[tasks]]
name = "semseg"
metric = "mIoU"
unit = "%"
higher_is_better = true
reference = "single-task-semseg"

[[tasks]]
name = "depth"
metric = "rmse"
unit = "m"
higher_is_better = false
reference = "single-task-depth"
"""
PRIMARY = {
    "semseg": {"metric": "mIoU", "unit": "%", "higher_is_better": True},
    "depth": {"metric": "rmse", "unit": "m", "higher_is_better": False},
}


def synthetic_record(
    name: str = "lora", seed: int = 0, values: dict[str, float] | None = None, **changes: Any
) -> Record:
    values = {"semseg": 50.0, "depth": 0.5} if values is None else values
    config = {"adapter": {"type": name}, "schedule": {"lr": 1e-4}, "tasks": sorted(values)}
    provenance = {
        "commit": "c" * 40,
        "dirty": False,
        "mtlbench": "0.1.0",
        "plugins": {"mtlbench": "0.1.0"},
        "python": "3.11.9",
        "libraries": {"torch": "2.13.0+cpu"},
        "platform": "Linux x86_64",
        "device": "cpu",
        "threads": 2,
        "data": {"train": "d1" * 8, "val": "d2" * 8},
        "weights": "e" * 16,
    }
    provenance.update(changes.pop("provenance", {}))
    counts = {"adapter": 1000 * len(name), "backbone": 200, "decoder": 5000, "balancer": 2, "learner": 0}
    trainable = sum(counts.values())
    sizes = {"trainable": trainable, "dead": 7, "peak": trainable, "final": trainable - 500, "total": 900_000}
    fields = {
        "name": name,
        "board": None,
        "demo": False,
        "created": f"2025-03-0{1 + seed % 9}T10:00:00Z",
        "seed": seed,
        "config": config,
        "protocol_hash": "a" * 64,
        "components": {"adapter": f"mtlbench:{name}==0.1.0"},
        "metrics": {task: {PRIMARY[task]["metric"]: value, "other": 9.0} for task, value in values.items()},
        "primary": {task: {**PRIMARY[task], "value": value} for task, value in values.items()},
        "parameters": {**counts, **sizes},
        "cost": {
            "forward_passes": 1.0,
            "macs": 12_000_000,
            "step_time_ms": 31.5,
            "peak_memory_mb": 210.5,
            "train_seconds": 40.0,
        },
        "iterations": 300,
        "rank_map": {"stages.0.blocks.0.qkv": {"shared": 8, "semseg": 2}},
        "provenance": provenance,
        **changes,
    }
    fields.setdefault("config_hash", config_hash(fields["config"]))
    fields.setdefault("run_id", run_id(fields["name"], fields["config_hash"], fields["seed"]))
    return Record.model_validate(fields)

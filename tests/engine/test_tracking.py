from __future__ import annotations

import io
import json
import logging
from types import SimpleNamespace
from typing import ClassVar

import pytest
from rich.console import Console

from mtlbench.engine import tracking
from mtlbench.engine.datasets import open_datasets
from mtlbench.engine.errors import RunError
from mtlbench.engine.experiment import RunOptions, run
from mtlbench.plugin import Catalog


@pytest.fixture
def tracked(load, tmp_path, monkeypatch):
    """Return a function that runs the tiny experiment with trackers; returns the record and the work dir."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def train(*trackers, folder="work"):
        experiment, catalog = load(), Catalog.load()
        options = RunOptions(0, tmp_path / folder, trackers=trackers)
        return run(
            experiment, open_datasets(experiment, catalog), catalog, options, Console(file=io.StringIO())
        )[0]

    return train


class Recorder:
    """Stand for a backend of mmengine's."""

    calls: ClassVar[list] = []

    def __init__(self, save_dir):
        self.experiment = self

    def add_config(self, config):
        Recorder.calls.append(("config", config.to_dict()))

    def add_scalars(self, values, step):
        Recorder.calls.append((step, values))

    def add_text(self, title, text):
        Recorder.calls.append((title, text))

    def close(self):
        Recorder.calls.append(("close", None))


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(Recorder, "calls", [])
    registry = SimpleNamespace(build=lambda given: Recorder(given["save_dir"]))
    monkeypatch.setattr(tracking, "VISBACKENDS", registry)
    monkeypatch.setattr(tracking, "installed", lambda package: True)
    return Recorder


def test_losses_weights_rate_and_metrics_are_passed_on(tracked, recorder):
    record = tracked("tensorboard")
    (_, config), *steps, (_, metrics), (title, text), (last, _) = recorder.calls
    assert title == "record" and record.run_id in text
    assert config["seed"] == 0 and config["adapter"]["type"] == "faar" and last == "close"
    seen = dict(steps)
    assert set(seen) == {4, 8, 10, 12}
    assert set(seen[10]) == {"loss/depth", "loss/semseg", "learning_rate"}
    assert set(seen[4]) == {"weight/depth", "weight/semseg"}
    assert metrics["semseg/mIoU"] == record.metrics["semseg"]["mIoU"]


def test_a_tracker_that_fails_is_dropped_and_changes_nothing(tracked, recorder, monkeypatch, tmp_path):
    plain = tracked(folder="plain")

    def fail(self, values, step):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(recorder, "add_scalars", fail)
    assert tracked("mlflow").metrics == plain.metrics
    log = (tmp_path / "work/train.log").read_text()
    assert log.count("mlflow is left out from here on: no route to host") == 1


def test_a_missing_package_is_named_before_anything_starts(tracked, monkeypatch):
    monkeypatch.setattr(tracking, "installed", lambda package: False)
    with pytest.raises(RunError, match=r'--wandb needs wandb: pip install "mtlbench\[wandb\]"'):
        tracked("wandb")


@pytest.mark.slow
@pytest.mark.parametrize("name", tracking.TRACKERS)
def test_real_trackers_keep_what_they_are_told(tracked, tmp_path, name):
    pytest.importorskip(tracking.TRACKERS[name][1])
    record = tracked(name)
    logging.shutdown()
    folder = tmp_path / "work" / name
    assert "left out" not in (tmp_path / "work/train.log").read_text()
    if name == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder)).Reload()
        (found,) = events.Scalars("semseg/mIoU")
        assert "record/text_summary" in events.Tags()["tensors"]
        assert found.step == 12 and found.value == pytest.approx(record.metrics["semseg"]["mIoU"], rel=1e-6)
    elif name == "mlflow":
        import mlflow

        (found,) = mlflow.search_runs(experiment_names=["mtlbench"], output_format="list")
        assert found.data.metrics["semseg/mIoU"] == pytest.approx(record.metrics["semseg"]["mIoU"])
        assert found.info.run_name == "tiny-seed0"
        assert json.loads(mlflow.artifacts.load_text(f"{found.info.artifact_uri}/{record.run_id}.json"))
    else:
        assert list(folder.rglob("*.wandb"))

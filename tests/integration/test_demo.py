"""Configs run without their dataset and without their weights, and say so where they are asked not to."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.engine.config import load_experiment
from mtlbench.plugin import Catalog
from mtlbench.results.store import load_record

CONFIGS = Path(__file__).parents[2] / "configs"


def different() -> list[str]:
    """Name one experiment on files for each protocol with its decoder: adapters have tests of their own."""
    loaded = {path.stem: load_experiment(path) for path in sorted(CONFIGS.glob("*.py"))}
    first: dict[tuple[str, str], str] = {}
    for name, experiment in loaded.items():
        if experiment.demo:
            first.setdefault((experiment.protocol_hash, experiment.decoder.type), name)
    return list(first.values())


#: experiments on files, then every dataset of files with the least that makes an experiment of it
EXPERIMENTS = different()
DATASETS = [path.stem for path in sorted(CONFIGS.glob("_base_/datasets/*.py")) if path.stem != "synthrooms"]
LEAST = """
_base_ = [{dataset!r}, {backbone!r}]
adapter = dict(type="frozen")
decoder = dict(type="hrnet")
optimizer = dict(lr=1e-3)
schedule = dict(batch_size=2, epochs=1)
"""


def config(name: str, folder: Path) -> Path:
    """Return the config of an experiment, or write one that is a dataset and little else."""
    if name in EXPERIMENTS:
        return CONFIGS / f"{name}.py"
    pieces = {"dataset": f"datasets/{name}.py", "backbone": "backbones/swin_tiny.py"}
    path = folder / f"{name}.py"
    path.write_text(LEAST.format(**{key: str(CONFIGS / "_base_" / piece) for key, piece in pieces.items()}))
    return path


def test_every_dataset_of_files_is_among_them(tmp_path):
    found = {load_experiment(config(name, tmp_path)).dataset.type for name in DATASETS}
    records = [
        entry.record for entry in Catalog.load().entries("dataset") if entry.distribution == "mtlbench"
    ]
    assert found == {record.name for record in records} - {"synthrooms", "union"}  # a union joins others


@pytest.mark.parametrize("name", EXPERIMENTS + DATASETS)
def test_without_the_data_one_message_names_three_ways_on(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = config(name, tmp_path)
    done = CliRunner().invoke(main, ["run", str(path), "--device", "cpu"])
    assert done.exit_code == 2 and done.stderr.startswith("Error: There is no folder data/")
    kind = load_experiment(path).dataset.type
    for way_on in (f"mtlbench data get {kind}", "--data-root PATH", "--demo"):
        assert way_on in done.stderr.replace("\n", " ")
    assert done.stderr.count("Error") == 1 and "Traceback" not in done.output


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EXPERIMENTS, "cityscapes", "celeba"])
def test_a_demo_runs_to_its_record(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = config(name, tmp_path)
    done = CliRunner().invoke(main, ["run", str(path), "--demo", "--device", "cpu", "--work-dir", "work"])
    assert done.exit_code == 0, done.output
    record = load_record(next((tmp_path / "work/seed0").glob("*-seed0.json")))
    experiment = load_experiment(path)
    assert record.demo and record.provenance.weights == "random"
    assert record.metrics.keys() == experiment.tasks.keys()
    assert record.components["dataset"].startswith(f"mtlbench:{experiment.dataset.type}==")
    assert (tmp_path / "work/seed0/pictures/predictions.png").is_file()


@pytest.mark.slow
def test_the_main_command_runs_on_generated_rooms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["run", str(CONFIGS / "faar_vitb_nyud.py"), "--demo", "--device", "cpu"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "runs/faar_vitb_nyud-demo/seed0"
    record = load_record(next(folder.glob("*-seed0.json")))
    assert record.demo and record.components["dataset"].startswith("mtlbench:nyud==")
    assert record.metrics.keys() == {"semseg", "depth", "normals", "edge"}
    assert record.rank_map and record.provenance.weights == "random"
    assert (folder / "pictures/predictions.png").is_file() and (folder / "pictures/ranks.png").is_file()
    assert "mtlbench data" not in done.output


def test_a_config_without_a_demo_says_so(tiny_config):
    done = CliRunner().invoke(main, ["run", str(tiny_config()), "--demo"])
    assert done.exit_code == 2 and "has no demo" in done.stderr


def test_a_demo_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").touch()
    command = ["run", str(CONFIGS / "faar_vitb_nyud.py"), "--demo", "--work-dir", str(tmp_path / "file")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2, done.output
    assert "rooms cannot be written" in done.stderr and "--work-dir" in done.stderr

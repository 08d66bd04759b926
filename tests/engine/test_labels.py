"""Hidden labels decide nothing, and what is hidden is on record."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat

from mtlbench.contracts.dataset import Dataset
from mtlbench.data.manifest import Manifest, load_manifest
from mtlbench.engine.checkpoint import load_latest
from mtlbench.engine.config import Experiment, load_experiment
from mtlbench.engine.datasets import open_datasets, train_loader
from mtlbench.engine.labels import labels_of
from mtlbench.engine.registries import register
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog
from mtlbench_synthrooms.dataset import SynthRooms

BASE = Path(__file__).parents[2] / "configs/_base_/datasets"
TASKS = ("semseg", "depth", "normals", "edge", "saliency")
ONE = f"label_protocol = dict(type='one-label', tasks={TASKS})"
#: all kinds of labels, losses that balance classes, and crops that look at classes
LINES = (
    "tasks.update(normals=dict(type='normals'), edge=dict(type='edge'), saliency=dict(type='saliency'))",
    "train_transforms += [dict(type='RandomCrop', size=(32, 32), cat_max_ratio=0.4)]",
    "schedule.update(iterations=8)",
)


def other(task: str, label: np.ndarray) -> np.ndarray:
    """Return a label that is as valid as `label`, and another."""
    if task == "depth":
        return label + 1
    return -label if task == "normals" else np.roll(label, 7, 1) ^ 1


def tamper(monkeypatch: pytest.MonkeyPatch, drawn: Manifest, hidden: bool) -> None:
    """Change all hidden labels of the training rooms, or all visible ones."""
    read = SynthRooms.__getitem__

    def changed(self: SynthRooms, index: int) -> Any:
        sample = read(self, index)
        if sample["id"] in drawn.labels:
            seen = drawn.labels[sample["id"]]
            for task, label in sample["labels"].items():
                if (task not in seen) == hidden:
                    sample["labels"][task] = other(task, label)
        return sample

    monkeypatch.setattr(SynthRooms, "__getitem__", changed)


def same(left: Any, right: Any) -> bool:
    """Return whether two values are the same, bit for bit."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right


def test_a_run_does_not_depend_on_hidden_labels(load, train, monkeypatch, tmp_path):
    experiment = load(*LINES, ONE, balancer__type="dwa")
    catalog = Catalog.load()
    drawn = labels_of(experiment, open_datasets(experiment, catalog)[0], catalog, 0)
    record, work = train(*LINES, ONE, balancer__type="dwa")
    runs = {}
    for hidden in (True, False):
        with monkeypatch.context() as patch:
            tamper(patch, drawn, hidden)
            place = tmp_path / f"hidden {hidden}"
            runs[hidden] = train(*LINES, ONE, work_dir=place, balancer__type="dwa")
    changed, place = runs[True]
    for field in ("metrics", "replicates", "curves", "weights", "rank_map", "parameters", "label_draw"):
        assert getattr(changed, field) == getattr(record, field), field
    ends = [load_latest(folder / "checkpoints") for folder in (work, place)]
    for part in ("step", "structure", "model", "optimizer", "epochs"):
        assert same(ends[0][part], ends[1][part]), part
    assert all(runs[False][0].curves[task] != record.curves[task] for task in TASKS)


def test_the_record_and_a_file_beside_it_say_what_was_seen(train, tmp_path):
    record, work = train(ONE, "schedule.update(iterations=1)")
    drawn = load_manifest(work / "labels.json")
    assert drawn.hash == record.label_draw and drawn.per_image() == {1: 16} and drawn.seed == 0
    assert drawn.protocol == {"type": "one-label", "tasks": list(TASKS)}
    other_seed, _ = train(ONE, "schedule.update(iterations=1)", seed=5, work_dir=tmp_path / "other")
    assert other_seed.label_draw == record.label_draw
    single, _ = train(
        ONE, "schedule.update(iterations=1)", "tasks.pop('depth')", work_dir=tmp_path / "single"
    )
    assert single.label_draw == record.label_draw and single.protocol_hash == record.protocol_hash
    content = json.loads(record.model_dump_json())
    del content["label_draw"]  # as records from before had it
    assert type(record).model_validate(content).label_draw is None


def test_nothing_is_said_where_nothing_is_hidden(train):
    record, work = train(ONE, "schedule.update(iterations=1)")
    assert (work / "labels.json").exists()
    record, work = train("schedule.update(iterations=1)", resume=False)
    assert record.label_draw is None and not (work / "labels.json").exists()


def test_a_saved_draw_gives_the_same_run(train, tmp_path):
    record, work = train(ONE, "schedule.update(iterations=2)")
    listed = {"type": "manifest", "file": str(work / "labels.json"), "hash": record.label_draw}
    again, _ = train("schedule.update(iterations=2)", work_dir=tmp_path / "again", label_protocol=listed)
    assert (again.label_draw, again.metrics) == (record.label_draw, record.metrics)


def test_steps_without_any_label_change_nothing_but_the_clock(train):
    few = {"type": "per-task-count", "counts": {"semseg": 1, "depth": 1}}
    record, _ = train(label_protocol=few)
    assert all(np.isfinite(value) for curve in record.curves.values() for value in curve)
    assert record.iterations == 12


def disk(config: Path, layout: str, root: Path, images: int) -> tuple[Experiment, dict[str, str]]:
    """Write rooms as the files of a dataset; return an experiment on them, and its label kinds."""
    catalog = Catalog.load()
    catalog.resolve("dataset", "synthrooms").write_layout(layout, root, images, 1, (24, 32))
    experiment = load_experiment(config, values={"+dataset.root": str(root)})
    register(experiment, catalog)
    kinds = {"depth": "scalar", "normals": "vector"}
    return experiment, {task: kinds.get(task, "classes") for task in experiment.tasks}


def batches(experiment: Experiment, dataset: Dataset, kinds: dict[str, str]) -> list[Any]:
    """Return what three epochs hold, as bytes."""
    loader, steps = train_loader(experiment, dataset, kinds, seed=0, start=0)
    return [
        (
            batch["ids"],
            {task: (label.shape, label.numpy().tobytes()) for task, label in batch["labels"].items()},
        )
        for batch in islice(loader, 3 * steps)
    ]


@pytest.mark.parametrize("kept", [True, False])
def test_files_of_hidden_labels_reach_no_batch(tiny_config, tmp_path, monkeypatch, kept):
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MTLBENCH_DECODED", "on" if kept else "off")
    tasks = ("semseg", "depth", "normals", "edge")
    lines = (
        (BASE / "nyud.py").read_text(),
        "train_transforms = [dict(type='RandomCrop', size=(16, 16), cat_max_ratio=0.5)]",
        f"label_protocol = dict(type='one-label', tasks={tasks})",
    )
    experiment, kinds = disk(tiny_config(*lines), "nyud", tmp_path / "files", 8)
    dataset, _ = open_datasets(experiment, Catalog.load())
    before = batches(experiment, dataset, kinds)  # keeps them decoded, hidden ones too
    seen = labels_of(experiment, dataset, Catalog.load(), 0).labels
    files = [getattr(dataset, "dataset", dataset).files(index) for index in range(len(dataset))]
    change(files, [{task for task in tasks if task not in seen[image]} for image in dataset.ids])
    dataset, _ = open_datasets(experiment, Catalog.load())
    assert batches(experiment, dataset, kinds) == before
    change(files, [{*seen[image]} for image in dataset.ids])
    dataset, _ = open_datasets(experiment, Catalog.load())
    assert batches(experiment, dataset, kinds) != before


def change(files: list[dict[str, Path]], which: list[set[str]]) -> None:
    """Put the files of the next image in place of those of tasks `which`."""
    contents = [{part: path.read_bytes() for part, path in parts.items()} for parts in files]
    for index, tasks in enumerate(which):
        for task in tasks:
            files[index][task].write_bytes(contents[(index + 1) % len(files)][task])


def test_photos_without_people_stay_whatever_label_they_show(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLBENCH_CACHE", str(tmp_path / "cache"))
    tasks = ("semseg", "human_parts", "saliency", "normals", "edge")
    lines = (
        (BASE / "pascal.py").read_text(),
        "train_transforms = []",
        f"label_protocol = dict(type='one-label', tasks={tasks})",
        "schedule.update(batch_size=1)",
    )
    experiment, kinds = disk(tiny_config(*lines), "pascal", tmp_path / "files", 10)
    for path in (tmp_path / "files/human_parts").iterdir():
        savemat(path, {"anno": {"objects": {"class_ind": 7}}})  # a car
    dataset, _ = open_datasets(experiment, Catalog.load())
    loader, steps = train_loader(experiment, dataset, kinds, seed=0, start=0)
    met = {batch["ids"][0]: batch for batch in islice(loader, steps)}
    assert met.keys() == {*dataset.ids} and steps == 10
    shown = [batch for batch in met.values() if batch["labelled"]["human_parts"]]
    assert len(shown) == 2
    assert all((batch["labels"]["human_parts"] == 0).all() for batch in shown)
    alone = experiment.with_tasks(["human_parts"], "single-task-human-parts")
    loader, steps = train_loader(alone, dataset, {"human_parts": "classes"}, seed=0, start=0)
    assert {batch["ids"][0] for batch in islice(loader, steps)} == met.keys()


def test_a_misspelt_option_is_refused(load):
    experiment, catalog = load(label_protocol={"type": "half-label", "task": TASKS}), Catalog.load()
    with pytest.raises(MtlbenchError, match="label protocol 'half-label' has no option 'task'"):
        labels_of(experiment, open_datasets(experiment, catalog)[0], catalog, 0)

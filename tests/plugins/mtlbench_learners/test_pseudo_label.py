from __future__ import annotations

import io
import json
import shutil

import pytest
import torch
from rich.console import Console

from mtlbench.engine import finished
from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets
from mtlbench.engine.experiment import RunOptions, run
from mtlbench.engine.finished import UnusableRun, find_record, load_finished
from mtlbench.plugin import Catalog
from mtlbench.results.store import load_record
from mtlbench_learners.pseudo_label import PseudoLabel
from mtlbench_tasks.depth import Depth

TEACHER = ('tasks.pop("semseg")', "schedule.update(iterations=2)", 'name = "tiny-depth"')


@pytest.fixture
def teacher(tiny_config, tmp_path):
    """Train depth by itself, briefly; return its work dir."""
    experiment, catalog = load_experiment(tiny_config(*TEACHER, name="teacher.py")), Catalog.load()
    work_dir, console = tmp_path / "runs" / "depth" / "seed0", Console(file=io.StringIO())
    run(experiment, open_datasets(experiment, catalog), catalog, RunOptions(0, work_dir), console)
    return work_dir


def learner_of(tasks, toolbox, monkeypatch, outputs, **options):
    """Return a learner whose teachers put out `outputs` by task."""

    class Teacher(torch.nn.Module):
        def predict(self, inputs):
            return {name: output[: len(inputs)] for name, output in outputs.items()}

    monkeypatch.setattr("mtlbench_learners.pseudo_label.load_finished", lambda *_: Teacher())
    return PseudoLabel(tasks, toolbox.channels, teachers=dict.fromkeys(outputs, "x"), **options)


def test_missing_labels_are_those_of_the_teacher(tasks, toolbox, monkeypatch):
    depth = 1 + torch.rand(2, 1, 8, 12)
    learner = learner_of(tasks, toolbox, monkeypatch, {"depth": depth}, weight=0.5)
    step = toolbox.step(toolbox.network(tasks), tasks, [("depth",), (), ("semseg",)])
    losses = toolbox.extra(learner, step)
    wanted = torch.nn.functional.interpolate(depth, (32, 48), mode="bilinear")
    expected = 0.5 * sum((step.outputs["depth"][i + 1] - wanted[i]).abs().mean() for i in (0, 1)) / 3
    assert losses.keys() == {"pseudo-label.depth"}
    torch.testing.assert_close(losses["pseudo-label.depth"], expected)


def test_hidden_labels_are_never_read(tasks, toolbox, monkeypatch):
    learner = learner_of(tasks, toolbox, monkeypatch, {"depth": torch.ones(1, 1, 8, 12)})
    step = toolbox.step(toolbox.network(tasks), tasks, [("depth",), ()])
    before = toolbox.extra(learner, step)["pseudo-label.depth"]
    step.labels["depth"][1] = torch.nan
    assert torch.equal(toolbox.extra(learner, step)["pseudo-label.depth"], before)


def test_unsure_classes_are_void(tasks, toolbox, monkeypatch):
    learner = learner_of(tasks, toolbox, monkeypatch, {}, confidence=0.8)
    logits = torch.tensor([[9.0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 9, 0]]).T[None, :, None]
    assert learner.label(tasks["semseg"], logits).tolist() == [[[0, 255, 3]]]
    edges = torch.tensor([3.0, 0.5, -0.5, -3.0]).view(1, 1, 1, 4)
    assert learner.label(tasks["edge"], edges).tolist() == [[[1, 255, 255, 0]]]
    vector = learner.label(tasks["normals"], torch.randn(1, 3, 4, 4))
    torch.testing.assert_close(vector.norm(dim=1), torch.ones(1, 4, 4))
    assert learner.label(tasks["depth"], torch.full((1, 1, 2, 2), -3.0)).min() > 0


def test_gradient_reaches_predictions_without_label(tasks, toolbox, monkeypatch):
    outputs = {"depth": torch.ones(2, 1, 8, 12), "semseg": torch.randn(2, 5, 8, 12)}
    learner = learner_of(tasks, toolbox, monkeypatch, outputs)
    network = toolbox.network(tasks)
    losses = toolbox.extra(learner, toolbox.step(network, tasks, [("depth",), ("depth",)]))
    assert toolbox.reached(sum(losses.values()), network.heads) == {"semseg"}


def test_a_finished_run_teaches(teacher, experiment, tmp_path):
    options = {"teachers": {"depth": "depth/seed0"}, "root": str(tmp_path / "runs")}
    lines = (f"learner = dict(type='pseudo-label', **{options})",)
    model, wrapper, batch = experiment([("semseg",), ("depth",)], *lines)
    taught = model.learner.teachers["depth"]
    assert not any(p.requires_grad for p in taught.parameters()) and not taught.training
    assert not [*model.learner.parameters()] and not [*model.learner.state_dict()]
    saved = torch.load(teacher / "checkpoints" / "step-00000002.pt", weights_only=True)["model"]
    assert all(torch.equal(taught.state_dict()[name], value) for name, value in saved.items())
    losses = model(**batch, mode="loss").extra
    assert losses["pseudo-label.depth"] > 0
    model.train_step(batch, wrapper)
    after = taught.state_dict()
    assert all(torch.equal(after[name], value) for name, value in saved.items())


def test_a_run_has_three_names(teacher, tmp_path):
    record = next(teacher.glob("*-seed0.json"))
    root = tmp_path / "runs"
    for name in ("depth/seed0", f"depth/seed0/{record.name}", record.stem):
        assert find_record(name, root) == record
    with pytest.raises(UnusableRun, match="names 0 finished runs in .*; give the work dir of one run"):
        find_record("depth/seed1", root)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x"])
def test_a_name_leads_to_no_other_place(tmp_path, name):
    with pytest.raises(UnusableRun, match="leads out of the folder of finished runs"):
        find_record(name, tmp_path)


def test_what_cannot_teach_is_refused(teacher, tmp_path, tasks, monkeypatch):
    root = tmp_path / "runs"
    with pytest.raises(UnusableRun, match="predicts depth; name a run that predicts 'semseg'"):
        load_finished("depth/seed0", root, "semseg")
    with pytest.raises(UnusableRun, match="a teacher for 'edges', which is none of the tasks"):
        PseudoLabel({"depth": Depth()}, (4, 6, 8, 12), teachers={"edges": "x"})
    path = next(teacher.glob("*-seed0.json"))
    record = load_record(path)
    other = record.provenance.model_copy(update={"weights": "another"})
    monkeypatch.setattr(finished, "load_record", lambda _: record.model_copy(update={"provenance": other}))
    with pytest.raises(UnusableRun, match="from other pretrained weights than its config builds here"):
        load_finished("depth/seed0", root, "depth")
    monkeypatch.undo()
    shutil.rmtree(teacher / "checkpoints")
    with pytest.raises(UnusableRun, match="no checkpoint of its last step beside its record; run it again"):
        load_finished("depth/seed0", root, "depth")


def test_where_teachers_lie_is_not_in_the_record(tiny_config):
    def canonical(root):
        lines = f"learner = dict(type='pseudo-label', teachers=dict(depth='a'), root='{root}')"
        return load_experiment(tiny_config(lines)).canonical()

    assert canonical("x") == canonical("y")
    assert "root" not in json.dumps(canonical("x")["learner"])

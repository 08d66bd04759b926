"""Networks that start from finished single-task runs."""

import io
import json

import pytest
import torch
from rich.console import Console

from mtlbench.engine.config import load_experiment
from mtlbench.engine.datasets import open_datasets
from mtlbench.engine.experiment import RunOptions, run
from mtlbench.engine.finished import UnusableRun, load_finished
from mtlbench.engine.model import build_model, build_tasks
from mtlbench.engine.registries import register
from mtlbench.plugin import Catalog
from mtlbench_soft_sharing.adapters import CrossStitch
from mtlbench_timm.backbone import Timm

RUNS = {"semseg": "semseg/seed0", "depth": "depth/seed0"}


def train(tiny_config, folder, task, adapter):
    other = {"semseg": "depth", "depth": "semseg"}[task]
    lines = (f'tasks.pop("{other}")', "schedule.update(iterations=2)", f'name = "tiny-{task}"', adapter)
    experiment, catalog = load_experiment(tiny_config(*lines, name=f"{task}.py")), Catalog.load()
    options = RunOptions(0, folder / task / "seed0")
    run(experiment, open_datasets(experiment, catalog), catalog, options, Console(file=io.StringIO()))


@pytest.fixture
def singles(tiny_config, tmp_path):
    """Train both tasks by themselves, briefly; return the folder of their runs."""
    for task in RUNS:
        train(tiny_config, tmp_path / "runs", task, 'adapter = dict(type="full")')
    return tmp_path / "runs"


def build(tiny_config, kind, root, **options):
    line = f"adapter = dict(type={kind!r}, init={RUNS!r}, root={str(root)!r}, **{options!r})"
    experiment = load_experiment(tiny_config(line, name="joined.py"))
    register(experiment, Catalog.load())
    return build_model(experiment, build_tasks(experiment))


@pytest.mark.parametrize("kind, tolerance", [("cross-stitch", 1e-5), ("nddr-cnn", 1e-3)])
def test_what_gives_nothing_away_is_the_single_task_runs(tiny_config, singles, kind, tolerance):
    model = build(tiny_config, kind, singles, alpha=1.0).eval()
    images = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
    _, levels = model.encode(images)
    different = []
    for t, task in enumerate(model.tasks):
        _, alone = load_finished(RUNS[task], singles, task).encode(images)
        for ours, theirs in zip(levels, alone, strict=True):
            torch.testing.assert_close(ours[t], theirs[0], rtol=tolerance, atol=tolerance)
        different.append(alone[-1])
    assert not torch.allclose(*different, rtol=1e-3)


def test_a_merged_run_will_do_and_others_are_refused(tiny_config, tmp_path):
    train(tiny_config, tmp_path, "semseg", 'adapter = dict(type="lora", rank=2)')
    train(tiny_config, tmp_path, "depth", 'adapter = dict(type="side-branch", bottleneck=4, rank=2)')
    with pytest.raises(UnusableRun, match="its adapter does not merge into it; name a run of the same"):
        build(tiny_config, "cross-stitch", tmp_path)
    (tmp_path / "depth").rename(tmp_path / "gone")
    train(tiny_config, tmp_path, "depth", 'adapter = dict(type="frozen")')
    assert build(tiny_config, "cross-stitch", tmp_path)
    with pytest.raises(UnusableRun, match="names 0 finished runs"):
        build(tiny_config, "cross-stitch", tmp_path / "elsewhere")


def test_shared_parameters_cannot_come_from_several_runs():
    backbone = Timm("vit_tiny_patch16_224", pretrained=False, image_size=(64, 64))
    with pytest.raises(UnusableRun, match="Tasks share parameters of this backbone .*take a Swin"):
        CrossStitch(("a", "b"), init={"a": "x"}).attach(backbone)


def test_where_runs_lie_is_not_in_the_record(tiny_config):
    def canonical(root):
        line = f"adapter = dict(type='cross-stitch', init=dict(depth='a'), root='{root}')"
        return load_experiment(tiny_config(line)).canonical()

    assert canonical("x") == canonical("y")
    assert "root" not in json.dumps(canonical("x")["adapter"])

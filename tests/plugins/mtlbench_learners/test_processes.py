"""Two processes share a batch whose labels are partly hidden."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from mtlbench.results.store import load_record

PLUGIN = '''
from mtlbench.contracts.label_protocol import LabelProtocol as Contract
from mtlbench.plugin import LabelProtocol, hookimpl


class Hidden(Contract):
    """Show nothing, one task or all of them, in turn."""

    def visible(self, ids, tasks, seed):
        shown = ((), tasks[:1], tasks[1:], tuple(tasks), tasks[:1])
        return {image: tuple(shown[i % 5]) for i, image in enumerate(ids)}


@hookimpl
def mtlbench_label_protocols():
    return [LabelProtocol(name="hidden", target="hide_plugin:Hidden", summary="For a test.")]
'''
LINES = (
    'label_protocol = dict(type="hidden")',
    'adapter = dict(type="lora", rank=2, dropout=0.0)',
    'decoder = dict(type="hrnet", neck_channels=(4, 4, 4, 4))',
    'optimizer = dict(type="SGD", lr=1e-2, momentum=0.9)',
    "schedule.update(iterations=4)",
)


@pytest.fixture
def launch(tiny_config, write_distribution, tmp_path):
    """Return a function that runs the experiment over some processes: the record, and the last checkpoint."""
    path = write_distribution("hide", "1.0", {"hide": "hide_plugin"}, hide_plugin=PLUGIN)

    def run(processes: int, learner: str):
        config, place = tiny_config(*LINES, learner), tmp_path / f"{processes}"
        start = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        command = [sys.executable, *start, "-m", "mtlbench", "run", str(config), "--device", "cpu"]
        paths = os.pathsep.join([str(path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [*command, "--work-dir", str(place)],
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        seed = place / "seed0"
        saved = torch.load(seed / "checkpoints" / "step-00000004.pt", weights_only=True)
        return load_record(next(seed.glob("*-seed0.json"))), saved["model"]

    return run


@pytest.mark.slow
def test_losses_of_images_are_those_of_one_process(launch):
    learner = 'learner = dict(type="masked", normaliser="tasks")'
    (one, left), (two, right) = (launch(number, learner) for number in (1, 2))
    for task, curve in one.curves.items():
        assert two.curves[task] == pytest.approx(curve, rel=1e-5)
    for name, value in left.items():
        assert (value - right[name]).abs().max() <= 1e-5 * value.abs().max() + 1e-8, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mtpsl", "jtr"])
def test_processes_agree_on_what_has_a_gradient(launch, name):
    _, saved = launch(2, f'learner = dict(type="{name}")')
    assert all(value.isfinite().all() for value in saved.values())

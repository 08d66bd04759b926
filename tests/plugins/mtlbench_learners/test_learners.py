"""Properties of every learner."""

from __future__ import annotations

import copy
import importlib
from types import SimpleNamespace

import pytest
import torch

import mtlbench_learners
from mtlbench.contracts.learner import Learner
from mtlbench.engine.config import Component, Schedule
from mtlbench.engine.hooks.checkpointing import trained_state
from mtlbench.engine.hooks.step import StepHook
from mtlbench.engine.options import check_options
from mtlbench_learners.jtr import JTR
from mtlbench_learners.mtpsl import MTPSL
from mtlbench_learners.ss_consistency import SSConsistency
from mtlbench_learners.xtc_direct import XTCDirect
from mtlbench_learners.xtc_perceptual import XTCPerceptual
from mtlbench_tasks.depth import Depth
from mtlbench_tasks.edge import Edge
from mtlbench_tasks.normals import Normals
from mtlbench_tasks.semseg import SemSeg

KINDS = {
    "ss-consistency": (SSConsistency, {"confidence": 0.0, "difference": 10.0}),
    "xtc-direct": (XTCDirect, {"widths": (4, 6)}),
    "xtc-perceptual": (XTCPerceptual, {"widths": (4, 6)}),
    "mtpsl": (MTPSL, {"widths": (4, 6)}),
    "jtr": (JTR, {"widths": (4, 6)}),
}
VISIBLE = [("depth", "normals"), ("semseg", "albedo"), (), ("depth", "disparity", "edge", "semseg")]
GARBAGE = {"classes": 3, "scalar": 1e6, "inverse": torch.inf, "vector": torch.nan, "image": -7.0}


def test_every_record_names_a_learner_whose_options_are_known():
    for record in mtlbench_learners.mtlbench_learners():
        module, name = record.target.split(":")
        target = getattr(importlib.import_module(module), name)
        assert issubclass(target, Learner)
        given = {"teachers": {}} if record.name == "pseudo-label" else {}
        options = {"weight": 1.0, "ramp": 0.5, "normaliser": "tasks", **given}
        check_options("learner", Component(type=record.name, **options), target)


def test_parameters_are_as_the_pages_say():
    tasks = {"depth": Depth(), "edge": Edge(), "normals": Normals(), "semseg": SemSeg(40)}
    maps, widths, swin = 1 + 1 + 3 + 40, (16, 32, 64), (96, 192, 384, 768)
    stages = 9 * (16 * 16 + 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    film = 4 * 4 * 3 * sum(widths)
    stems = 9 * 16 * maps + 4 * 2 * 16
    laterals, heads = 16 * (16 + 16 + 32 + 64) + 4 * 16, 17 * maps
    norms = 2 * 2 * sum(widths) + 2 * 16
    up = 9 * (16 * 16 + 32 * 16 + 64 * 32) + 2 * (16 + 16 + 32)
    expected = {
        MTPSL: stems + stages + film + 65 * 768,
        XTCDirect: stems + stages + film + laterals + heads,
        JTR: 9 * 16 * maps + stages + norms + up + heads,
    }
    for kind, number in expected.items():
        assert sum(p.numel() for p in kind(tasks, swin).parameters()) == number
    assert [*expected.values()] == [135_632, 88_589, 106_925]


def test_the_engine_tells_which_step_it_is(experiment):
    model, wrapper, _ = experiment([()], *TINY, learner__type="mtpsl", learner__ramp=0.5)
    hook = StepHook(0, Schedule(batch_size=4, iterations=12), 1e-3)
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, max_iters=12)
    rises = []
    for step in (0, 3, 6, 11):
        hook.before_train_iter(runner, step)
        rises.append(model.learner.rise)
    assert rises == [0.0, 0.5, 1.0, 1.0]


@pytest.fixture(params=KINDS)
def learner(request, tasks, toolbox):
    kind, options = KINDS[request.param]
    torch.manual_seed(0)
    return kind(tasks, toolbox.channels, ramp=0.5, normaliser="batch", **options)


def test_hidden_labels_are_never_read(learner, tasks, toolbox):
    network = toolbox.network(tasks)
    losses = toolbox.extra(learner, toolbox.step(network, tasks, VISIBLE))
    tampered = toolbox.step(network, tasks, VISIBLE)
    for name, task in tasks.items():
        hidden = ~tampered.labelled[name]
        assert hidden.any()
        tampered.labels[name][hidden] = GARBAGE[task.label_kind]
    after = toolbox.extra(learner, tampered)
    assert losses.keys() == after.keys()
    for name, loss in losses.items():
        assert torch.equal(loss, after[name]) and loss > 0, name
    shown = {name: label.clone() for name, label in tampered.labels.items()}
    shown["depth"][0] = 1.0  # a label that may be seen does matter
    tampered.labels = shown
    assert isinstance(learner, SSConsistency) or any(
        not torch.equal(losses[name], loss) for name, loss in toolbox.extra(learner, tampered).items()
    )


def test_a_task_that_no_image_shows_has_a_stand_in_label(learner, tasks, toolbox):
    # as the loader makes it: one channel for images of any number of channels
    step = toolbox.step(toolbox.network(tasks), tasks, [("depth",), ("depth", "edge")])
    full = toolbox.extra(learner, step)
    step.labels["albedo"] = torch.full((2, 1, 32, 48), torch.nan)
    assert all(torch.equal(loss, full[name]) for name, loss in toolbox.extra(learner, step).items())


def test_the_weight_rises_over_the_ramp(learner, tasks, toolbox):
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    full = toolbox.extra(learner, step)
    for number, share in ((0, 0.0), (10, 0.25), (40, 1.0), (79, 1.0)):
        learner.before_step(number, 80)
        name = next(iter(full))
        torch.testing.assert_close(toolbox.extra(learner, step)[name], share * full[name])


def test_losses_are_finite_in_bf16(learner, tasks, toolbox):
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = toolbox.extra(learner, step)
    sum(losses.values()).backward()
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    assert all(p.grad.isfinite().all() for p in learner.parameters())


def test_a_void_label_does_no_harm(learner, tasks, toolbox):
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    for name, task in tasks.items():
        step.labels[name].fill_({"classes": 255, "image": torch.nan}.get(task.label_kind, 0))
    losses = toolbox.extra(learner, step)
    sum(losses.values()).backward()
    assert all(loss.isfinite() for loss in losses.values())
    assert all(p.grad.isfinite().all() for p in learner.parameters())


def test_random_numbers_come_from_the_global_generator(learner, tasks, toolbox):
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    first, again = (toolbox.extra(learner, step, seed=5) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


TINY = (
    'tasks.update(normals=dict(type="normals"))',
    'adapter = dict(type="lora", rank=2)',
    'decoder = dict(type="hrnet", neck_channels=(4, 4, 4, 4))',
)
SHOWN = [("depth",), ("semseg", "normals"), (), ("normals",)]


@pytest.mark.parametrize("amp", ["none", "bf16"])
@pytest.mark.parametrize("name", KINDS)
def test_it_trains_the_tiny_experiment(experiment, name, amp):
    parts = 2 if amp == "none" else 1
    changes = {"schedule__accumulate": parts, "schedule__amp": amp, "learner__normaliser": "tasks"}
    model, wrapper, batch = experiment(SHOWN, *TINY, learner__type=name, **changes)
    options = KINDS[name][1]
    for option, value in options.items():
        if option != "widths":
            setattr(model.learner, option, value)
    before = {key: p.clone() for key, p in model.named_parameters() if p.requires_grad}
    for number in range(3):
        torch.manual_seed(number)
        model.learner.before_step(number, 3)
        losses = model.train_step(batch, wrapper)
        assert all(loss.isfinite() for loss in losses.values())
    own = {key for key in before if key.startswith("learner.")}
    moved = {key for key in own if not torch.equal(before[key], model.get_parameter(key))}
    assert not own or len(moved) > 0.9 * len(own)


@pytest.mark.parametrize("name", ["mtpsl", "jtr", "xtc-perceptual"])
def test_its_state_goes_through_a_checkpoint(experiment, name):
    model, wrapper, batch = experiment(SHOWN, *TINY, learner__type=name)
    model.train_step(batch, wrapper)
    other, fresh, _ = experiment(SHOWN, *TINY, learner__type=name)
    other.load_state_dict(trained_state(model), strict=False)
    fresh.optimizer.load_state_dict(copy.deepcopy(wrapper.optimizer.state_dict()))
    for one, optimizer in ((model, wrapper), (other, fresh)):
        torch.manual_seed(9)
        one.train_step(batch, optimizer)
    state, again = trained_state(model), trained_state(other)
    assert state.keys() == again.keys() and any(key.startswith("learner.") for key in state)
    assert all(torch.equal(value, again[key]) for key, value in state.items())

from __future__ import annotations

import pytest
import torch

from mtlbench_learners.maps import label_map, prediction_map, soft_map
from mtlbench_learners.pairs import find_pairs
from mtlbench_learners.xtc_direct import XTCDirect, shrunk
from mtlbench_learners.xtc_perceptual import XTCPerceptual

VISIBLE = [("depth", "normals"), ("semseg", "depth", "normals", "albedo", "disparity"), ()]


@pytest.fixture
def step(tasks, toolbox):
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    for name in ("semseg", "edge"):  # so sure that no draw differs
        step.outputs[name] = 1e4 * step.outputs[name]
    return step


def alone(learner, tasks, pair, maps):
    """Map one sample (1, C, h, w) of the pair (s, t)."""
    source, target = pair
    empty = [torch.zeros(0, task.channels, *maps.shape[2:]) for task in tasks.values()]
    empty[source] = maps
    return learner.maps(empty, torch.tensor([source]), torch.tensor([target]))[target]


def pairs_of(tasks, step):
    pairs = find_pairs(list(tasks), step.labelled)
    names = list(tasks)
    for image, s, t in zip(pairs.image.tolist(), pairs.source.tolist(), pairs.target.tolist(), strict=True):
        output = step.outputs[names[s]][image : image + 1, :, 2::4, 2::4]
        label = step.labels[names[t]][image : image + 1, ..., 2::4, 2::4]
        yield s, t, tasks[names[s]], tasks[names[t]], output, label


def test_direct_is_the_loss_of_the_target_task(tasks, toolbox, step):
    learner = XTCDirect(tasks, toolbox.channels, weight=0.5, widths=(4, 6))
    expected, number = 0.0, 0
    for s, t, source, target, output, label in pairs_of(tasks, step):
        mapped = alone(learner, tasks, (s, t), prediction_map(source, output))
        value, count = target.loss(mapped, label)
        expected, number = expected + value / count, number + 1
    assert number == 4 * 2 + 1 * 5
    torch.testing.assert_close(toolbox.extra(learner, step)["xtc-direct"], 0.5 * expected / 3)


def test_direct_trains_network_and_maps(tasks, toolbox):
    network = toolbox.network(tasks)
    learner = XTCDirect(tasks, toolbox.channels, widths=(4, 6))
    step = toolbox.step(network, tasks, [("depth", "normals")] * 2)
    loss = toolbox.extra(learner, step)["xtc-direct"]
    found = toolbox.reached(loss, {**network.heads, "maps": learner.maps})
    assert found == {"albedo", "disparity", "edge", "semseg", "maps"}


def test_perceptual_compares_what_is_mapped_on(tasks, toolbox, step):
    torch.manual_seed(0)
    learner = XTCPerceptual(tasks, toolbox.channels, weight=0.5, widths=(4, 6))
    with torch.no_grad():  # again no draw may differ
        for t, name in enumerate(tasks):
            if name in ("semseg", "edge"):
                learner.maps.heads[t].weight.mul_(1e5)
    consistency = fit = 0.0
    for s, t, source, target, output, label in pairs_of(tasks, step):
        there = alone(learner, tasks, (s, t), prediction_map(source, output))
        again = alone(learner, tasks, (t, s), prediction_map(target, there))
        back = alone(learner, tasks, (t, s), label_map(target, label)[0])
        consistency += (soft_map(source, again) - soft_map(source, back)).abs().mean()
        value, count = target.loss(there, label)
        fit += value / count + (soft_map(source, back) - soft_map(source, output)).abs().mean()
    losses = toolbox.extra(learner, step)
    torch.testing.assert_close(losses["xtc-perceptual"], 0.5 * consistency / 3, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses["xtc-maps"], fit / 3, rtol=1e-4, atol=1e-5)


def test_perceptual_trains_network_and_maps_by_losses_of_their_own(tasks, toolbox):
    network = toolbox.network(tasks)
    learner = XTCPerceptual(tasks, toolbox.channels, widths=(4, 6))
    losses = toolbox.extra(learner, toolbox.step(network, tasks, [("depth", "normals")] * 2))
    parts = {**network.heads, "maps": learner.maps}
    assert toolbox.reached(losses["xtc-perceptual"], parts) == {"albedo", "disparity", "edge", "semseg"}
    assert toolbox.reached(losses["xtc-maps"], parts) == {"maps"}


@pytest.mark.parametrize("kind", [XTCDirect, XTCPerceptual])
@pytest.mark.parametrize("visible", [[()], [("albedo", "depth", "disparity", "edge", "normals", "semseg")]])
def test_without_a_pair_every_parameter_still_has_a_gradient(tasks, toolbox, kind, visible):
    network = toolbox.network(tasks)
    learner = kind(tasks, toolbox.channels, widths=(4, 6))
    total = sum(toolbox.extra(learner, toolbox.step(network, tasks, visible)).values())
    assert total == 0
    total.backward()
    heads = [p for head in network.heads.values() for p in head.parameters()]
    assert all(p.grad is not None for p in [*learner.parameters(), *heads])


def test_maps_are_smaller_by_the_stride(tasks, step):
    pairs = find_pairs(list(tasks), step.labelled)
    outputs, labels = shrunk(step, pairs, list(tasks), 5)
    assert {x.shape[-2:] for x in (*outputs, *labels)} == {(7, 10)}
    assert sum(map(len, outputs)) == sum(map(len, labels)) == len(pairs)

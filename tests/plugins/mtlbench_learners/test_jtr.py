from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from mtlbench_learners.jtr import JTR, Stacks

VISIBLE = [("depth", "normals"), ("semseg",), ()]


@pytest.fixture
def learner(tasks, toolbox):
    torch.manual_seed(0)
    return JTR(tasks, toolbox.channels, widths=(4, 6))


def stacks(learner, tasks, toolbox, visible=VISIBLE):
    step = toolbox.step(toolbox.network(tasks), tasks, visible)
    outputs = {name: output.detach().requires_grad_() for name, output in step.outputs.items()}
    labels = {name: step.labels[name][has] for name, has in step.labelled.items()}
    torch.manual_seed(1)
    return outputs, labels, learner.stack(outputs, labels, step.labelled)


def test_labels_stand_where_they_exist_and_predictions_elsewhere(learner, tasks, toolbox):
    _, labels, found = stacks(learner, tasks, toolbox)
    channels = dict(zip(tasks, found.known.split([t.channels for t in tasks.values()], 1), strict=True))
    predicted = dict(zip(tasks, found.predicted.split([t.channels for t in tasks.values()], 1), strict=True))
    for name in tasks:
        for image, shown in enumerate(VISIBLE):
            same = torch.equal(channels[name][image], predicted[name][image])
            assert same == (name not in shown), (name, image)
    depth = 0.5 * (1 + torch.erf((labels["depth"][0] - 2.3618) / 1.5876 / math.sqrt(2)))
    torch.testing.assert_close(channels["depth"][0, 0], depth * found.valid[0, 0])
    torch.testing.assert_close(channels["normals"][0], (labels["normals"][0] + 1) / 2 * found.valid[0])


def test_pixels_that_a_label_misses_are_zero_in_both(learner, tasks, toolbox):
    _, labels, found = stacks(learner, tasks, toolbox)
    expected = (labels["depth"][0] > 0) & (labels["normals"][0] != 0).any(0)
    assert torch.equal(found.valid[0, 0], expected) and found.valid[2].all()
    for stack in (found.known, found.predicted):
        assert not stack.masked_select(~found.valid).any()


def test_moments_squash_a_scalar(tasks, toolbox):
    learner = JTR(tasks, toolbox.channels, widths=(4, 6), moments={"disparity": (0.5, 0.25)})
    squashed = learner._squash("disparity", torch.tensor([0.5, 0.75]))
    torch.testing.assert_close(squashed, torch.tensor([0.5, 0.841345]))


def random_stacks(tasks) -> Stacks:
    known = torch.rand(2, 14, 8, 12, dtype=torch.float64)
    return Stacks(known.flip(0), known, torch.rand(2, 1, 8, 12) < 0.8)


def test_the_distance_is_that_of_a_deep_copy(learner, tasks):
    learner.double()
    views = random_stacks(tasks)
    predicted = views.predicted.clone().requires_grad_()
    views = views._replace(predicted=predicted)
    copied = copy.deepcopy(learner.autoencoder)
    a, b = copied(views.known)[0], copied(predicted)[0]
    cosine = (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()
    expected = (1 - cosine).mean()
    found = learner.network_loss(views)
    torch.testing.assert_close(found, expected)
    for one, other in zip(
        torch.autograd.grad(found, predicted), torch.autograd.grad(expected, predicted), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_reconstruction_by_hand(learner, tasks):
    learner.double()
    torch.manual_seed(0)
    output = torch.randn(1, 14, 8, 12, dtype=torch.float64)
    maps = torch.rand(1, 14, 8, 12, dtype=torch.float64)
    valid = torch.rand(1, 1, 8, 12) < 0.5
    total = 0.0
    for i, j in valid[0, 0].nonzero().tolist():
        x, y = output[0, :, i, j], maps[0, :, i, j]
        albedo, depth, disparity, edge, normals, semseg = (
            list(pair) for pair in zip(x.split([3, 1, 1, 1, 3, 5]), y.split([3, 1, 1, 1, 3, 5]), strict=True)
        )
        total += (albedo[0] - albedo[1]).abs().mean()
        for a, b in (depth, disparity):
            total += (a.sigmoid() - b).abs().sum()
        for a, b in (edge, semseg):
            total -= (b * F.logsigmoid(a) + (1 - b) * F.logsigmoid(-a)).sum()
        n = 2 * normals[1] - 1
        total += 1 - (normals[0] @ n) / (normals[0].norm() * n.norm())
    torch.testing.assert_close(learner.reconstruction(output, maps, valid)[0], total / valid.sum())


def test_the_auto_encoder_learns_from_distance_and_reconstruction_of_both_stacks(learner, tasks):
    learner.double()
    views = random_stacks(tasks)
    code, rebuilt = learner.autoencoder(views.known)
    other, rebuilt_other = learner.autoencoder(views.predicted)
    distance = (1 - F.cosine_similarity(code, other, dim=1)).mean()
    recon = learner.reconstruction(rebuilt, views.known, views.valid)
    recon = recon + learner.reconstruction(rebuilt_other, views.predicted, views.valid)
    expected = 4 * 2 * distance + 2 * recon.mean()
    torch.testing.assert_close(learner.autoencoder_loss(views), expected)


def test_gradient_takes_its_two_routes(learner, tasks, toolbox):
    network = toolbox.network(tasks)
    losses = toolbox.extra(learner, toolbox.step(network, tasks, [("depth", "normals")] * 2))
    parts = {**network.heads, "autoencoder": learner.autoencoder}
    assert toolbox.reached(losses["jtr"], parts) == {"albedo", "disparity", "edge", "semseg"}
    assert toolbox.reached(losses["jtr-autoencoder"], parts) == {"autoencoder"}


@pytest.mark.parametrize("shown", [(), ("albedo", "depth", "disparity", "edge", "normals", "semseg")])
def test_without_a_mixture_of_labels_the_network_learns_nothing(learner, tasks, toolbox, shown):
    network = toolbox.network(tasks)
    step = toolbox.step(network, tasks, [shown])
    network.double(), learner.double()
    step.image = step.image.double()
    toolbox.extra(learner, step)["jtr"].backward()
    # a gradient, so that all processes have one, but of nothing beyond rounding
    assert all(p.grad.abs().max() < 1e-9 for head in network.heads.values() for p in head.parameters())


def test_the_ramp_leaves_the_auto_encoder_alone(tasks, toolbox):
    learner = JTR(tasks, toolbox.channels, widths=(4, 6), ramp=0.5)
    step = toolbox.step(toolbox.network(tasks), tasks, VISIBLE)
    full = toolbox.extra(learner, step)
    learner.before_step(10, 80)
    part = toolbox.extra(learner, step)
    torch.testing.assert_close(part["jtr"], full["jtr"] / 4)
    assert torch.equal(part["jtr-autoencoder"], full["jtr-autoencoder"])

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mtlbench_learners.maps import image_losses, label_map, prediction_map, soft_map

NAMES = ("albedo", "depth", "disparity", "edge", "normals", "semseg")


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_predictions_are_maps_of_one_form(tasks, toolbox, name):
    torch.manual_seed(0)
    task = tasks[name]
    label, valid = label_map(task, toolbox.labels(tasks, 3)[name])
    output = prediction_map(task, torch.randn(3, task.channels, 32, 48))
    assert label.shape == output.shape and valid.shape == (3, 1, 32, 48)
    assert not valid.all() and label.isfinite().all()
    assert not label.masked_select(~valid).any()
    assert label.min() >= 0 and label.max() <= 1
    if name in ("semseg", "edge"):
        assert set(label.unique().tolist()) == set(output.detach().unique().tolist()) == {0.0, 1.0}
    if name == "semseg":
        assert torch.equal(label.sum(1, keepdim=True).bool(), valid)


def test_classes_are_drawn_from_their_distribution(tasks):
    torch.manual_seed(0)
    logits = torch.tensor([0.0, 1.0, 2.0])[None, :, None, None].expand(1, 3, 200, 200)
    share = prediction_map(tasks["semseg"], logits).mean((0, 2, 3))
    torch.testing.assert_close(share, logits[0, :, 0, 0].softmax(0), atol=0.01, rtol=0)
    edges = prediction_map(tasks["edge"], torch.full((1, 1, 200, 200), 0.7))
    assert edges.mean().item() == pytest.approx(torch.tensor(0.7).sigmoid().item(), abs=0.01)


def test_the_gradient_of_drawn_classes_is_that_of_the_gumbel_softmax(tasks):
    logits = torch.randn(1, 5, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn_like(logits)
    torch.manual_seed(1)
    (found,) = torch.autograd.grad((prediction_map(tasks["semseg"], logits) * weight).sum(), logits)
    torch.manual_seed(1)
    noise = -torch.empty_like(logits).exponential_().log()
    (expected,) = torch.autograd.grad(((logits + noise).softmax(1) * weight).sum(), logits)
    torch.testing.assert_close(found, expected)


def test_scalars_and_vectors_by_hand(tasks):
    depth = torch.tensor([[1.0, 4.0], [2.0, 0.0]])[None]
    assert label_map(tasks["depth"], depth)[0].tolist() == [[[[0.25, 1.0], [0.5, 0.0]]]]
    assert prediction_map(tasks["depth"], -depth[None]).min() == -1
    vector = torch.tensor([0.0, 3.0, 4.0])[None, :, None, None]
    torch.testing.assert_close(
        prediction_map(tasks["normals"], vector)[0, :, 0, 0], torch.tensor([0.5, 0.8, 0.9])
    )
    torch.testing.assert_close(soft_map(tasks["normals"], vector)[0, :, 0, 0], torch.tensor([0.0, 0.6, 0.8]))


@pytest.mark.parametrize("name", NAMES)
def test_image_losses_are_those_of_single_images(tasks, toolbox, name):
    torch.manual_seed(0)
    task, label = tasks[name], toolbox.labels(tasks, 3)[name]
    output = torch.randn(3, task.channels, 32, 48)
    label[1] = {"classes": 255, "image": torch.nan}.get(task.label_kind, 0)
    losses = image_losses(task, output, label)
    assert losses[1] == 0
    value, count = task.loss(output[2:], label[2:])
    torch.testing.assert_close(losses[2], value / count)


def test_probabilities(tasks):
    x = torch.randn(2, 5, 4, 4)
    assert torch.equal(soft_map(tasks["semseg"], x), F.softmax(x, 1))
    assert torch.equal(soft_map(tasks["edge"], x[:, :1]), x[:, :1].sigmoid())
    assert torch.equal(soft_map(tasks["depth"], x[:, :1]), x[:, :1])

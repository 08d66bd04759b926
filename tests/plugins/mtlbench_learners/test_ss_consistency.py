from __future__ import annotations

import pytest
import torch

from mtlbench_learners.ss_consistency import SSConsistency


@pytest.fixture
def learner(tasks):
    return SSConsistency(tasks, (4, 6, 8, 12))


def test_classes_count_where_the_first_view_is_sure(tasks, learner):
    logits = torch.tensor([[6.0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0]], dtype=torch.float64).T[None, :, None]
    sure = logits.softmax(1).amax(1)[0, 0]
    assert sure[0] > 0.95 > sure[1]
    other = torch.randn(1, 5, 1, 2, dtype=torch.float64)
    expected = -other.log_softmax(1)[0, 0, 0, 0] / 2
    torch.testing.assert_close(learner.distance(tasks["semseg"], logits, other)[0], expected)


def test_edges_are_two_classes(tasks, learner):
    first = torch.tensor([4.0, -4.0, 1.0], dtype=torch.float64).view(1, 1, 1, 3)
    second = torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64).view(1, 1, 1, 3)
    p = torch.tensor(0.5, dtype=torch.float64).sigmoid()
    expected = (-p.log() - (1 - p).log()) / 3
    torch.testing.assert_close(learner.distance(tasks["edge"], first, second)[0], expected)


@pytest.mark.parametrize("name", ["depth", "disparity", "albedo"])
def test_values_count_where_the_views_agree(tasks, learner, name):
    first = torch.zeros(1, tasks[name].channels, 1, 4, dtype=torch.float64)
    second = torch.tensor([0.05, -0.09, 0.2, -5], dtype=torch.float64).expand_as(first)
    torch.testing.assert_close(
        learner.distance(tasks[name], first, second)[0], torch.tensor(0.14 / 4, dtype=torch.float64)
    )


def test_vectors_count_where_they_are_alike(tasks, learner):
    first = torch.tensor([[0.0, 0, 2], [0, 0, 1]], dtype=torch.float64).T[None, :, None]
    second = torch.tensor([[0.0, 0.3, 1], [1, 0, 0]], dtype=torch.float64).T[None, :, None]
    expected = torch.tensor((1 - 1 / 1.09**0.5) / 2, dtype=torch.float64)
    torch.testing.assert_close(learner.distance(tasks["normals"], first, second)[0], expected)


def test_the_same_view_of_a_sure_network_agrees(tasks, toolbox):
    learner = SSConsistency(tasks, toolbox.channels, zooms=(1.0,), flip=0.0)
    step = toolbox.step(toolbox.network(tasks), tasks, [()])
    assert toolbox.extra(learner, step)["ss-consistency"].item() == pytest.approx(0, abs=1e-5)


def test_a_mirror_image_is_compared_in_place(tasks, toolbox):
    # with a network of 1x1 convolutions the second view is the mirrored first, but for the normals' x
    learner = SSConsistency(tasks, toolbox.channels, zooms=(1.0,), flip=1.0)
    network = toolbox.network(tasks)
    network.trunk = torch.nn.Conv2d(3, 8, 1)
    step = toolbox.step(network, tasks, [("normals",)])
    assert toolbox.extra(learner, step)["ss-consistency"].item() == pytest.approx(0, abs=1e-5)
    assert toolbox.extra(learner, toolbox.step(network, tasks, [()]))["ss-consistency"] > 0


def test_gradient_reaches_unlabelled_predictions_of_the_second_view(tasks, toolbox):
    network = toolbox.network(tasks)
    learner = SSConsistency(tasks, toolbox.channels, confidence=0.0, difference=10.0)
    step = toolbox.step(network, tasks, [("depth", "semseg")] * 2)
    loss = toolbox.extra(learner, step)["ss-consistency"]
    parts = {**network.heads, **{f"first {name}": output for name, output in step.outputs.items()}}
    assert toolbox.reached(loss, parts) == {"albedo", "disparity", "edge", "normals"}
    assert not list(learner.parameters())


def test_it_is_a_mean_over_all_images(tasks, toolbox):
    learner = SSConsistency(tasks, toolbox.channels, confidence=0.0, difference=10.0, zooms=(1.5,))
    network = toolbox.network(tasks)
    step = toolbox.step(network, tasks, [("depth",), ("semseg",)])
    total = toolbox.extra(learner, step)["ss-consistency"]
    losses = []
    torch.manual_seed(1)
    for image in (0, 1):
        labelled = {name: has.clone() for name, has in step.labelled.items()}
        for has in labelled.values():
            has[1 - image] = True
        part = toolbox.step(network, tasks, [(), ()])
        part.labelled = labelled
        losses.append(toolbox.extra(learner, part)["ss-consistency"])
    torch.testing.assert_close(sum(losses), total)

"""What every task promises, whatever it predicts."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from mtlbench_tasks.depth import Depth
from mtlbench_tasks.edge import Edge
from mtlbench_tasks.human_parts import HumanParts
from mtlbench_tasks.normals import Normals
from mtlbench_tasks.regression import Regression
from mtlbench_tasks.saliency import Saliency
from mtlbench_tasks.semseg import SemSeg

B, H, W = 3, 16, 20
TASKS = {
    "semseg": SemSeg(5),
    "human_parts": HumanParts(),
    "depth": Depth(),
    "inverse depth": Depth(inverse=True, unit="px"),
    "normals": Normals(),
    "cosine normals": Normals(distance="cosine"),
    "edge": Edge(),
    "saliency": Saliency(),
    "albedo": Regression(3),
    "shading": Regression(1, distance="mse"),
    "curvature": Regression(2),
}


def make_label(task, seed=0):
    """Return labels of `task` (B, ...) with some void pixels and a void image."""
    generator = torch.Generator().manual_seed(seed)
    void = torch.rand(B, H, W, generator=generator) < 0.2
    void[1] = True
    if task.label_kind == "classes":
        label = torch.randint(0, max(task.channels, 2), (B, H, W), generator=generator, dtype=torch.uint8)
        return label.masked_fill(void, 255)
    if task.label_kind in ("scalar", "inverse"):
        return (torch.rand(B, H, W, generator=generator) * 5 + 0.5).masked_fill(void, 0)
    if task.label_kind == "vector":
        return normalize(torch.randn(B, 3, H, W, generator=generator), dim=1).masked_fill(void[:, None], 0)
    return torch.rand(B, task.channels, H, W, generator=generator).masked_fill(void[:, None], torch.nan)


def make_output(task, seed=1):
    """Return raw outputs of `task` that require gradients."""
    return torch.randn(B, task.channels, H, W, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def void_pixels(task, label):
    """Return where `label` is void, (B, H, W)."""
    return {
        "classes": lambda: label == 255,
        "scalar": lambda: label == 0,
        "inverse": lambda: label == 0,
        "vector": lambda: (label == 0).all(1),
        "image": lambda: label.isnan().any(1),
    }[task.label_kind]()


@pytest.fixture(params=TASKS)
def task(request):
    return TASKS[request.param]


def test_the_loss_of_a_batch_is_the_sum_over_its_images(task):
    output, label = make_output(task), make_label(task)
    total, count = task.loss(output, label)
    parts = [task.loss(output[i : i + 1], label[i : i + 1]) for i in range(B)]
    assert total.shape == count.shape == ()
    torch.testing.assert_close(total, sum(part[0] for part in parts))
    assert count == sum(part[1] for part in parts) == (~void_pixels(task, label)).sum() > 0


def test_void_pixels_receive_no_gradient_and_others_do(task):
    output, label = make_output(task), make_label(task)
    task.loss(output, label)[0].backward()
    moved = (output.grad != 0).any(1)
    assert torch.isfinite(output.grad).all()
    assert torch.equal(moved, ~void_pixels(task, label))


def test_all_void_is_zero_with_a_graph(task):
    output, label = make_output(task), make_label(task)[1:2].repeat_interleave(B, 0)
    total, count = task.loss(output, label)
    assert total == 0 and count == 0
    total.backward()
    assert not output.grad.any()


@pytest.mark.parametrize("autocast", [True, False])
def test_bfloat16_outputs_are_summed_in_float32(task, autocast):
    label = make_label(task)
    low = make_output(task).detach().bfloat16().requires_grad_()
    same = low.detach().float()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        total, _ = task.loss(low, label)
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, task.loss(same, label)[0], rtol=1e-6, atol=0)
    total.backward()
    assert torch.isfinite(low.grad).all() and low.grad.any()
    assert torch.equal(task.decode(low), task.decode(same))


def test_descending_the_loss_improves_the_primary_metric(task):
    output, label = make_output(task), make_label(task)
    if isinstance(task, Edge):  # edges are lines, random pixels are not
        label = torch.zeros(B, H, W, dtype=torch.uint8)
        label[:, 4, 2:18] = label[:, 2:14, 9] = 1
    if isinstance(task, Normals):  # L1 on the sphere has local minima at mirrored vectors
        output = (label + 0.5 * output.detach()).requires_grad_()
    optimiser = torch.optim.Adam([output], lr=0.1)
    scores = []
    for step in range(301):
        if step % 300 == 0:
            meter = task.meter()
            meter.update(task.decode(output.detach()), label)
            scores.append(meter.compute()[task.primary.name])
        total, count = task.loss(output, label)
        optimiser.zero_grad()
        (total / count).backward()
        optimiser.step()
    assert scores[1] > scores[0] if task.primary.higher_is_better else scores[1] < scores[0]
    perfect = 100.0 if task.primary.higher_is_better else 0.0
    assert scores[1] == pytest.approx(perfect, abs=3.0 if task.primary.unit in ("%", "°") else 0.05)


@pytest.mark.parametrize("mode", ["native", "legacy448"])
def test_the_meter_is_fresh_and_yields_the_primary_metric(task, mode):
    meter = task.meter(mode)
    meter.update(task.decode(make_output(task).detach()), make_label(task))
    assert np.isfinite(meter.compute()[task.primary.name])
    assert np.isnan(task.meter(mode).compute()[task.primary.name])


def test_labels_and_predictions_are_drawn_and_void_is_black(task):
    label = make_label(task)[0]
    prediction = task.decode(make_output(task).detach())[0]
    for drawing in (task.draw(label.numpy()), task.draw(prediction.numpy())):
        assert drawing.shape == (H, W, 3) and drawing.dtype == np.uint8 and drawing.any()
    void = void_pixels(task, label[None])[0].numpy()
    assert void.any() and not task.draw(label.numpy())[void].any()


def test_the_label_drawn_equals_the_same_thing_predicted(task):
    label = make_label(task)[0]
    void = void_pixels(task, label[None])[0].numpy()
    prediction = label.float() if task.channels == 1 else label
    assert np.array_equal(task.draw(label.numpy())[~void], task.draw(prediction.numpy())[~void])

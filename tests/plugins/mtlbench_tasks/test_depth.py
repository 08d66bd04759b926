import math

import numpy as np
import pytest
import torch

from mtlbench_tasks.depth import Depth


def test_l1_equals_a_loop_over_valid_pixels():
    output = torch.tensor([[[[1.0, -2.0, 3.0, 9.0, 9.0]]]])
    label = torch.tensor([[[1.5, 2.0, 0.0, math.nan, -1.0]]])
    total, count = Depth().loss(output, label)
    assert total.item() == pytest.approx(0.5 + 4.0)
    assert count == 2


def test_nan_labels_leave_the_gradient_finite():
    output = torch.ones(1, 1, 1, 2, requires_grad=True)
    Depth().loss(output, torch.tensor([[[math.nan, 3.0]]]))[0].backward()
    assert output.grad.flatten().tolist() == [0, -1]


def test_a_decoded_depth_is_positive_but_the_loss_sees_the_raw_output():
    output = torch.full((1, 1, 1, 1), -4.0, requires_grad=True)
    assert Depth().decode(output).item() == pytest.approx(1e-3)
    Depth().loss(output, torch.ones(1, 1, 1))[0].backward()
    assert output.grad.item() == -1


def test_max_depth_limits_the_meter_only():
    label, output = torch.tensor([[[2.0, 20.0]]]), torch.tensor([[[[3.0, 3.0]]]])
    task = Depth(max_depth=10.0)
    meter = task.meter()
    meter.update(task.decode(output), label)
    assert meter.compute()["rmse"] == pytest.approx(1.0)
    assert task.loss(output, label)[1] == 2


def test_nearer_is_brighter_on_one_scale():
    drawing = (
        Depth(draw_to=10.0)
        .draw(np.array([[1.0, 4.0, 9.0, 0.0, np.nan]], dtype=np.float32))[0]
        .astype(int)
        .sum(1)
    )
    assert drawing[0] > drawing[1] > drawing[2] > 0 == drawing[3] == drawing[4]


def test_inverse_depth_says_its_unit_and_is_bright_where_it_is_large():
    task = Depth(inverse=True, unit="px", draw_to=100.0)
    assert (task.primary.unit, task.label_kind) == ("px", "inverse")
    assert (Depth().primary.unit, Depth().label_kind) == ("m", "scalar")
    drawing = task.draw(np.array([[90.0, 40.0, 5.0, 0.0]], dtype=np.float32))[0].astype(int).sum(1)
    assert drawing[0] > drawing[1] > drawing[2] > 0 == drawing[3]


def test_the_primary_metric_can_be_the_one_that_the_mtan_line_prints():
    label, output = torch.tensor([[[2.0, 4.0]]]), torch.tensor([[[[3.0, 1.0]]]])
    task = Depth(metric="abs_err")
    meter = task.meter()
    meter.update(task.decode(output), label)
    assert (task.primary.name, task.primary.higher_is_better) == ("abs_err", False)
    assert meter.compute()["abs_err"] == pytest.approx(2.0)
    assert "abs_err" not in Depth().meter().compute()

import math

import pytest
import torch

from mtlbench_tasks.saliency import Saliency


def _image(generator, share):
    output = torch.randn(1, 1, 6, 7, generator=generator)
    label = (torch.rand(1, 6, 7, generator=generator) < share).to(torch.uint8)
    label[0, 0, :3] = 255
    return output, label


def test_balanced_cross_entropy_equals_a_loop_over_pixels():
    output, label = _image(torch.Generator().manual_seed(0), 0.3)
    pixels = [
        (z, g) for z, g in zip(output.flatten().tolist(), label.flatten().tolist(), strict=True) if g != 255
    ]
    others = sum(g == 0 for _, g in pixels) / len(pixels)
    expected = sum(
        others * math.log1p(math.exp(-z)) if g else (1 - others) * math.log1p(math.exp(z)) for z, g in pixels
    )
    total, count = Saliency().loss(output, label)
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert count == 39


def test_balancing_makes_both_sides_weigh_the_same():
    label = torch.zeros(1, 4, 5, dtype=torch.uint8)
    label[0, 0, :3] = 1
    output = torch.zeros(1, 1, 4, 5, requires_grad=True)
    Saliency().loss(output, label)[0].backward()
    salient = output.grad[0, 0][label[0] == 1].sum()
    assert salient.item() == pytest.approx(-output.grad[0, 0][label[0] == 0].sum().item(), rel=1e-6)


def test_the_balance_of_an_image_ignores_its_batch():
    generator = torch.Generator().manual_seed(1)
    (first, rare), (second, common) = _image(generator, 0.1), _image(generator, 0.8)
    task = Saliency()
    together = task.loss(torch.cat([first, second]), torch.cat([rare, common]))[0]
    torch.testing.assert_close(together, task.loss(first, rare)[0] + task.loss(second, common)[0])


def test_the_primary_metric_can_be_the_one_that_the_mtlora_line_prints():
    assert Saliency().primary.name == "maxF"
    assert Saliency(metric="fgIoU").primary.name == "fgIoU"


def test_a_logit_is_squashed_once_on_its_way_to_the_meter():
    output, label = _image(torch.Generator().manual_seed(2), 0.4)
    task = Saliency()
    probability = task.decode(output)
    expected = [1 / (1 + math.exp(-z)) for z in output.flatten().tolist()]
    assert probability.flatten().tolist() == pytest.approx(expected, rel=1e-6)
    meter = task.meter()
    meter.update(probability, label)
    pixels = [(p, g) for p, g in zip(expected, label.flatten().tolist(), strict=True) if g != 255]
    ious = [
        sum((p > 0.5) == side == g for p, g in pixels)
        / sum((p > 0.5) == side or g == side for p, g in pixels)
        for side in (False, True)
    ]
    assert meter.compute()["mIoU"] == pytest.approx(100 * sum(ious) / 2)

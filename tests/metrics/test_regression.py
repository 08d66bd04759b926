import math

import pytest
import torch

from mtlbench.metrics.regression import AbsoluteErrorMeter


def test_mae_equals_a_loop_over_pixels_without_nan():
    generator = torch.Generator().manual_seed(3)
    prediction, label = torch.rand(2, 2, 3, 4, 5, generator=generator)
    label[0, 1, 2, 3] = math.nan
    label[1, :, 0] = math.nan
    meter = AbsoluteErrorMeter()
    meter.update(prediction, label)
    errors = [
        abs(prediction[b, c, y, x].item() - label[b, c, y, x].item())
        for b in range(2)
        for y in range(4)
        for x in range(5)
        if not any(math.isnan(label[b, c, y, x].item()) for c in range(3))
        for c in range(3)
    ]
    assert len(errors) == (40 - 1 - 5) * 3
    assert meter.compute()["mae"] == pytest.approx(sum(errors) / len(errors), rel=1e-12)


def test_nothing_labelled_is_nan():
    meter = AbsoluteErrorMeter()
    meter.update(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), math.nan))
    assert math.isnan(meter.compute()["mae"])

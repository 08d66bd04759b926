import math

import pytest
import torch

from mtlbench.metrics.depth import DepthMeter

GENERATOR = torch.Generator().manual_seed(1)


def _case():
    label = torch.rand(4, 6, 5, generator=GENERATOR) * 8 + 0.5
    prediction = label * (0.5 + torch.rand(4, 6, 5, generator=GENERATOR) * 1.5)
    label[0, 0] = 0
    label[1, 2, 3] = math.nan
    label[2, :, 1] = -1
    return prediction, label


def _brute_force(prediction, label, limit=math.inf):
    pairs = [(p, g) for p, g in zip(prediction.flatten().tolist(), label.flatten().tolist(), strict=True)]
    pairs = [(p, g) for p, g in pairs if g > 0 and g < limit]  # NaN compares false
    mean = lambda term: sum(term(p, g) for p, g in pairs) / len(pairs)  # noqa: E731
    return {
        "rmse": math.sqrt(mean(lambda p, g: (p - g) ** 2)),
        "abs_err": mean(lambda p, g: abs(p - g)),
        "abs_rel": mean(lambda p, g: abs(p - g) / g),
        "sq_rel": mean(lambda p, g: (p - g) ** 2 / g),
        "log_rmse": math.sqrt(mean(lambda p, g: math.log(p / g) ** 2)),
        **{f"delta{k}": 100 * mean(lambda p, g, k=k: max(p / g, g / p) < 1.25**k) for k in (1, 2, 3)},
    }


@pytest.mark.parametrize("limit", [math.inf, 4.0])
def test_every_metric_equals_a_loop_over_pixels(limit):
    prediction, label = _case()
    meter = DepthMeter(max_depth=limit, absolute=True)
    meter.update(prediction, label)
    assert meter.compute() == pytest.approx(_brute_force(prediction, label, limit), rel=1e-12)


def test_rmse_is_over_pixels_of_the_set_not_a_mean_of_image_rmses():
    label = torch.ones(2, 1, 4)
    label[1, :, 1:] = 0
    prediction = torch.full((2, 1, 4), 2.0)
    prediction[1] = 4.0
    meter = DepthMeter()
    meter.update(prediction, label)
    assert meter.compute()["rmse"] == pytest.approx(math.sqrt((4 * 1 + 1 * 9) / 5))


def test_nothing_labelled_is_nan():
    meter = DepthMeter()
    meter.update(torch.ones(1, 2, 2), torch.zeros(1, 2, 2))
    assert all(math.isnan(value) for value in meter.compute().values())


def test_the_absolute_error_is_a_metric_only_where_it_is_asked_for():
    assert {*DepthMeter(absolute=True).compute()} - {*DepthMeter().compute()} == {"abs_err"}

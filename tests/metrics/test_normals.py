import math

import numpy as np
import pytest
import torch

from mtlbench.metrics.normals import NormalsMeter


def _case(seed=2, shape=(4, 3, 6, 5)):
    generator = torch.Generator().manual_seed(seed)
    label = torch.nn.functional.normalize(torch.randn(shape, generator=generator), dim=1)
    prediction = label + 0.7 * torch.randn(shape, generator=generator)
    label[0, :, 0] = 0
    label[1, :, 2, 3] = math.nan
    return prediction, label


def _angles(prediction, label):
    """Return the angle by the law of cosines, pixel by pixel."""
    angles = []
    for p, g in zip(
        prediction.double().movedim(1, -1).reshape(-1, 3).tolist(),
        label.double().movedim(1, -1).reshape(-1, 3).tolist(),
        strict=True,
    ):
        if any(map(math.isnan, g)) or not any(g):
            continue
        cosine = sum(a * b for a, b in zip(p, g, strict=True)) / math.hypot(*p) / math.hypot(*g)
        angles.append(math.degrees(math.acos(max(-1, min(1, cosine)))))
    return angles


def test_every_metric_equals_a_loop_over_pixels():
    prediction, label = _case()
    meter = NormalsMeter()
    meter.update(prediction, label)
    angles = _angles(prediction, label)
    result = meter.compute()
    assert result["mErr"] == pytest.approx(sum(angles) / len(angles), rel=1e-9)
    assert result["rmse"] == pytest.approx(math.sqrt(sum(a * a for a in angles) / len(angles)), rel=1e-9)
    assert result["median"] == pytest.approx(sorted(angles)[(len(angles) - 1) // 2], abs=0.005 + 1e-9)
    for limit in (11.25, 22.5, 30.0):
        assert result[f"within {limit:g}"] == 100 * sum(a < limit for a in angles) / len(angles)


def test_rmse_is_not_the_mean():
    prediction, label = _case()
    meter = NormalsMeter()
    meter.update(prediction, label)
    assert meter.compute()["rmse"] > meter.compute()["mErr"] + 1


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 11.25, 90.0, 179.9999, 180.0])
def test_known_angles_survive_where_the_cosine_is_flat(degrees):
    angle = math.radians(degrees)
    label = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    prediction = torch.tensor([math.sin(angle), 0.0, math.cos(angle)], dtype=torch.float64)
    meter = NormalsMeter()
    meter.update(prediction.reshape(1, 3, 1, 1), label)
    assert meter.compute()["mErr"] == pytest.approx(degrees, abs=1e-9)


def test_lengths_do_not_matter():
    prediction, label = _case()
    meter, scaled = NormalsMeter(), NormalsMeter()
    meter.update(prediction, label)
    scaled.update(prediction * 4, label * 0.5)
    assert scaled.compute() == pytest.approx(meter.compute(), rel=1e-9)


def test_a_normal_whose_components_sum_to_zero_is_valid():
    label = torch.tensor([math.sqrt(0.5), -math.sqrt(0.5), 0.0]).reshape(1, 3, 1, 1)
    meter = NormalsMeter()
    meter.update(label, label)
    assert meter.compute()["mErr"] == pytest.approx(0, abs=1e-5)


def test_a_prediction_without_length_is_90_degrees_off():
    meter = NormalsMeter()
    meter.update(torch.zeros(1, 3, 1, 1), torch.tensor([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1))
    assert meter.compute()["mErr"] == pytest.approx(90)


def test_nothing_labelled_is_nan():
    meter = NormalsMeter()
    meter.update(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2))
    assert all(np.isnan(value) for value in meter.compute().values())

import math

import numpy as np
import pytest
import torch

from mtlbench.metrics.saliency import SaliencyMeter


def _case():
    generator = torch.Generator().manual_seed(4)
    label = (torch.rand(4, 6, 5, generator=generator) < 0.4).to(torch.uint8)
    prediction = (0.35 * label + 0.7 * torch.rand(4, 6, 5, generator=generator)).clamp(0, 1)
    label[3] = 0
    label[1, 2:4] = 255
    return prediction, label


def _images(prediction, label):
    return [
        [(p, g) for p, g in zip(ps.flatten().tolist(), gs.flatten().tolist(), strict=True) if g != 255]
        for ps, gs in zip(prediction, label, strict=True)
    ]


def test_maxf_equals_a_sweep_over_thresholds():
    prediction, label = _case()
    meter = SaliencyMeter()
    meter.update(prediction, label)
    pixels = [pixel for image in _images(prediction, label) for pixel in image]
    best = 0.0
    for threshold in np.arange(256) / 256:
        hits = sum(p >= threshold and g == 1 for p, g in pixels)
        if hits:
            precision = hits / sum(p >= threshold for p, _ in pixels)
            recall = hits / sum(g == 1 for _, g in pixels)
            best = max(best, 1.3 * precision * recall / (0.3 * precision + recall))
    assert 0 < best < 1
    assert meter.compute()["maxF"] == pytest.approx(100 * best, rel=1e-12)


def test_fgiou_averages_images_then_takes_the_best_threshold():
    prediction, label = _case()
    meter = SaliencyMeter()
    meter.update(prediction, label)
    means = []
    for threshold in np.linspace(0.2, 0.9, 15):
        ious = []
        for image in _images(prediction, label):
            union = sum(p > threshold or g == 1 for p, g in image)
            ious.append(sum(p > threshold and g == 1 for p, g in image) / union if union else 1.0)
        means.append(sum(ious) / len(ious))
    assert len(set(means)) > 5
    assert meter.compute()["fgIoU"] == pytest.approx(100 * max(means), rel=1e-12)


def test_miou_is_over_the_set_at_one_half():
    prediction, label = _case()
    meter = SaliencyMeter()
    meter.update(prediction, label)
    pixels = [pixel for image in _images(prediction, label) for pixel in image]
    ious = [
        sum((p > 0.5) == side and (g == 1) == side for p, g in pixels)
        / sum((p > 0.5) == side or (g == 1) == side for p, g in pixels)
        for side in (False, True)
    ]
    assert meter.compute()["mIoU"] == pytest.approx(100 * sum(ious) / 2, rel=1e-12)


def test_an_image_without_labels_counts_nowhere():
    prediction, label = _case()
    meter, other = SaliencyMeter(), SaliencyMeter()
    meter.update(prediction, label)
    other.update(torch.cat([prediction, prediction[:1]]), torch.cat([label, torch.full_like(label[:1], 255)]))
    assert other.compute() == meter.compute()


def test_a_perfect_prediction_scores_100():
    label = _case()[1]
    meter = SaliencyMeter()
    meter.update((label == 1).float(), label)
    assert meter.compute() == {"maxF": 100, "fgIoU": 100, "mIoU": 100}


def test_nothing_labelled_is_nan():
    meter = SaliencyMeter()
    meter.update(torch.ones(1, 2, 2), torch.full((1, 2, 2), 255, dtype=torch.uint8))
    assert all(math.isnan(value) for value in meter.compute().values())

import numpy as np
import pytest
import torch

from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench.metrics.errors import BadLabel

GENERATOR = torch.Generator().manual_seed(0)


def _case(classes):
    label = torch.randint(0, classes, (5, 9, 7), generator=GENERATOR, dtype=torch.uint8)
    prediction = torch.randint(0, classes, (5, 9, 7), generator=GENERATOR)
    label[torch.rand(label.shape, generator=GENERATOR) < 0.2] = 255
    return prediction, label


def test_iou_equals_a_count_over_sets_of_pixels():
    prediction, label = _case(6)
    meter = ConfusionMeter(6)
    meter.update(prediction, label)
    ious, right, labelled = [], 0, 0
    pixels = zip(prediction.flatten().tolist(), label.flatten().tolist(), strict=True)
    pixels = [(p, g) for p, g in pixels if g != 255]
    for c in range(6):
        guessed = {i for i, (p, _) in enumerate(pixels) if p == c}
        actual = {i for i, (_, g) in enumerate(pixels) if g == c}
        ious.append(len(guessed & actual) / len(guessed | actual))
        right += len(guessed & actual)
        labelled += len(actual)
    result = meter.compute()
    assert result["mIoU"] == pytest.approx(100 * sum(ious) / 6, rel=1e-14)
    assert result["pixel accuracy"] == pytest.approx(100 * right / labelled, rel=1e-14)


def test_an_absent_class_is_left_out_or_counts_zero():
    prediction, label = _case(4)
    plain, skip, zero = ConfusionMeter(4), ConfusionMeter(5), ConfusionMeter(5, absent="zero")
    for meter in (plain, skip, zero):
        meter.update(prediction, label)
    assert skip.compute()["mIoU"] == plain.compute()["mIoU"]
    assert zero.compute()["mIoU"] == pytest.approx(plain.compute()["mIoU"] * 4 / 5, rel=1e-14)


def test_a_class_that_is_only_predicted_counts_zero_either_way():
    label = torch.zeros(1, 2, 2, dtype=torch.uint8)
    prediction = torch.tensor([[[0, 0], [0, 1]]])
    for absent in ("skip", "zero"):
        meter = ConfusionMeter(2, absent)
        meter.update(prediction, label)
        assert meter.compute()["mIoU"] == pytest.approx(100 * (0.75 + 0) / 2)


def test_predictions_in_void_never_count():
    prediction, label = _case(3)
    meter, other = ConfusionMeter(3), ConfusionMeter(3)
    meter.update(prediction, label)
    other.update(torch.where(label == 255, 2 - prediction, prediction), label)
    assert np.array_equal(meter.matrix, other.matrix)


def test_nothing_labelled_is_nan_not_zero():
    meter = ConfusionMeter(3)
    meter.update(torch.zeros(2, 4, 4, dtype=torch.long), torch.full((2, 4, 4), 255, dtype=torch.uint8))
    assert np.isnan(meter.compute()["mIoU"])


def test_a_label_beyond_the_classes_names_the_next_step():
    label = torch.full((1, 2, 2), 40, dtype=torch.uint8)
    with pytest.raises(BadLabel, match=r"class 40, but the task has classes 0 to 12; set the task"):
        ConfusionMeter(13).update(torch.zeros(1, 2, 2, dtype=torch.long), label)

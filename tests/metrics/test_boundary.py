import math

import numpy as np
import pytest
import torch

from mtlbench.metrics.boundary import BoundaryMeter


def _case():
    """Return maps of a few rectangles, slightly moved, with some void."""
    label, prediction = torch.zeros(2, 3, 14, 17, dtype=torch.uint8)
    for image, (y, x) in enumerate([(2, 3), (5, 1), (0, 8)]):
        label[image, y : y + 6, x : x + 7] = 1
        prediction[image, y + 1 : y + 8, x : x + 7] = 1
        label[image, y + 2 : y + 9, x + 5 : x + 9] = 2
        prediction[image, y + 2 : y + 9, x + 6 : x + 9] = 2
    prediction[1, 12:, :4] = 3
    label[0, :, 0] = 255
    label[2, 9:] = 255
    return prediction.long(), label


def _outline(classes, label, c):
    pixels = []
    for y, x in np.argwhere(classes == c).tolist():
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        around = [(v, u) for v, u in around if 0 <= v < classes.shape[0] and 0 <= u < classes.shape[1]]
        if label[y, x] != 255 and any(label[at] != 255 and classes[at] != c for at in around):
            pixels.append((y, x))
    return pixels


def _image(prediction, label, radius):
    """Return the mean F of one image by measuring every distance, or None where nothing has an outline."""
    scores = []
    for c in range(4):
        actual, guess = _outline(label, label, c), _outline(prediction, label, c)
        if actual or guess:
            hits = sum(any(math.dist(p, q) <= radius for q in actual) for p in guess)
            found = sum(any(math.dist(p, q) <= radius for q in guess) for p in actual)
            p, r = hits / max(len(guess), 1), found / max(len(actual), 1)
            scores.append(2 * p * r / (p + r) if p + r else 0.0)
    return sum(scores) / len(scores) if scores else None


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5, 2.3])
def test_equals_a_loop_over_all_pairs_of_outline_pixels(radius):
    prediction, label = _case()
    meter = BoundaryMeter(radius / math.hypot(14, 17))
    meter.update(prediction, label)
    images = [_image(p, g, radius) for p, g in zip(prediction.numpy(), label.numpy(), strict=True)]
    assert len(set(images)) == 3 and 0.3 < min(images) < 1
    assert meter.compute()["boundary F"] == pytest.approx(100 * sum(images) / 3, rel=1e-12)


def test_a_perfect_prediction_scores_100_and_void_is_not_an_outline():
    label = _case()[1]
    meter = BoundaryMeter()
    meter.update(torch.where(label == 255, 3, label).long(), label)
    assert meter.compute() == {"boundary F": 100}


def test_small_things_weigh_as_much_as_large_ones():
    """A large square is right and a single pixel is missed: mIoU hardly moves, boundary F does."""
    label = torch.zeros(1, 20, 20, dtype=torch.uint8)
    label[0, 2:14, 2:14] = 1
    prediction = label.long()
    label[0, 17, 17] = 2
    meter = BoundaryMeter(0.0075)
    meter.update(prediction, label)
    recall = 48 / 52  # of the background's outline, which has 4 pixels around the single one
    background = 2 * recall / (1 + recall)
    assert meter.compute()["boundary F"] == pytest.approx(100 * (background + 1 + 0) / 3)


def test_images_without_outlines_count_nowhere():
    prediction, label = _case()
    meter, other = BoundaryMeter(), BoundaryMeter()
    meter.update(prediction, label)
    flat = torch.ones_like(label[:1])
    other.update(torch.cat([prediction, flat.long()]), torch.cat([label, flat]))
    assert other.compute() == meter.compute()


def test_nothing_labelled_is_nan():
    meter = BoundaryMeter()
    meter.update(torch.eye(4)[None].long(), torch.full((1, 4, 4), 255, dtype=torch.uint8))
    assert math.isnan(meter.compute()["boundary F"])

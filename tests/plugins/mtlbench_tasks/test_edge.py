import math

import pytest
import torch

from mtlbench_tasks.edge import Edge


@pytest.mark.parametrize("pos_weight", [0.95, 0.8])
def test_weighted_cross_entropy_equals_a_loop_over_pixels(pos_weight):
    logits, truth = [2.0, -1.0, 0.3, -4.0, 7.0], [1, 1, 0, 0, 255]
    expected = 0.0
    for z, g in zip(logits, truth, strict=True):
        p = 1 / (1 + math.exp(-z))
        if g != 255:
            expected -= pos_weight * math.log(p) if g else (1 - pos_weight) * math.log(1 - p)
    output, label = (
        torch.tensor(logits).reshape(1, 1, 1, 5),
        torch.tensor(truth, dtype=torch.uint8).reshape(1, 1, 5),
    )
    total, count = Edge(pos_weight=pos_weight).loss(output, label)
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert count == 4


def test_options_reach_the_meter():
    meter = Edge(max_dist=0.0075, thresholds=(0.25, 0.5)).meter()
    assert meter.max_dist == 0.0075
    assert meter.counts.shape[0] == 2

import math

import numpy as np
import pytest
import torch

from mtlbench_tasks.regression import Regression


@pytest.mark.parametrize(("distance", "term"), [("l1", abs), ("mse", lambda e: e * e)])
def test_loss_equals_a_loop_over_pixels(distance, term):
    generator = torch.Generator().manual_seed(0)
    output, label = torch.randn(2, 3, 2, 4, generator=generator), torch.rand(2, 3, 2, 4, generator=generator)
    label[1, 2, 0, 0] = math.nan
    expected = sum(
        term(output[b, c, y, x].item() - label[b, c, y, x].item()) / 3
        for b, y, x in np.ndindex(2, 2, 4)
        if (b, y, x) != (1, 0, 0)
        for c in range(3)
    )
    total, count = Regression(3, distance).loss(output, label)
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert count == 15


def test_colours_are_drawn_as_they_are():
    label = np.array([[[1.0, np.nan]], [[0.5, 0.2]], [[0.0, 0.2]]], dtype=np.float32)
    assert Regression(3).draw(label)[0].tolist() == [[255, 128, 0], [0, 0, 0]]
    assert Regression(1).draw(label[:1])[0].tolist() == [[255] * 3, [0] * 3]

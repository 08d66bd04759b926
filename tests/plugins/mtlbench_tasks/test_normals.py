import math

import numpy as np
import pytest
import torch

from mtlbench_tasks.normals import Normals


def test_l1_of_unit_vectors_equals_a_loop_over_pixels():
    generator = torch.Generator().manual_seed(0)
    output = 3 * torch.randn(2, 3, 4, 5, generator=generator)
    label = torch.nn.functional.normalize(torch.randn(2, 3, 4, 5, generator=generator), dim=1)
    label[0, :, 1] = 0
    expected = 0.0
    for b, y, x in np.ndindex(2, 4, 5):
        truth = label[b, :, y, x].tolist()
        if any(truth):
            guess = output[b, :, y, x].tolist()
            expected += sum(abs(p / math.hypot(*guess) - g) for p, g in zip(guess, truth, strict=True)) / 3
    total, count = Normals().loss(output, label)
    assert total.item() == pytest.approx(expected, rel=1e-6)
    assert count == 35


def test_the_cosine_distance_equals_a_loop_over_angles():
    generator = torch.Generator().manual_seed(2)
    output = 3 * torch.randn(2, 3, 4, 5, generator=generator)
    label = torch.nn.functional.normalize(torch.randn(2, 3, 4, 5, generator=generator), dim=1)
    label[1, :, 2] = 0
    expected = 0.0
    for b, y, x in np.ndindex(2, 4, 5):
        guess, truth = output[b, :, y, x].double().numpy(), label[b, :, y, x].double().numpy()
        if truth.any():  # 1 - cos a = 2 sin² (a / 2), and a / 2 from the chord
            expected += 2 * (np.linalg.norm(guess / np.linalg.norm(guess) - truth) / 2) ** 2
    total, count = Normals(distance="cosine").loss(output, label)
    assert total.item() == pytest.approx(expected, rel=1e-5) and count == 35


def test_the_length_of_the_output_does_not_matter():
    task, generator = Normals(), torch.Generator().manual_seed(1)
    output = torch.randn(1, 3, 4, 5, generator=generator)
    label = torch.nn.functional.normalize(torch.randn(1, 3, 4, 5, generator=generator), dim=1)
    torch.testing.assert_close(task.loss(output, label), task.loss(7 * output, label))
    torch.testing.assert_close(task.decode(output).norm(dim=1), torch.ones(1, 4, 5))


def test_an_output_without_length_has_a_finite_gradient():
    output = torch.zeros(1, 3, 1, 1, requires_grad=True)
    Normals().loss(output, torch.tensor([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1))[0].backward()
    assert torch.isfinite(output.grad).all()


def test_axes_have_the_usual_colours():
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=np.float32).T[:, None]
    assert Normals().draw(vectors)[0].tolist() == [
        [255, 128, 128],
        [128, 255, 128],
        [128, 128, 255],
        [0, 0, 0],
    ]

"""The closed form against small steps through the differential equation, in float64."""

import pytest
import torch

from mtlbench_ditask.cpab import flow, velocity

FIELDS, POINTS = 4, 41


def fields(cells, size):
    generator = torch.Generator().manual_seed(cells)
    theta = size * torch.randn(FIELDS, cells - 1, generator=generator, dtype=torch.float64)
    theta[0, 1:] = 0.0  # places that stand still, inside and at ends of cells
    return theta


def points():
    x = torch.linspace(0, 1, POINTS, dtype=torch.float64).repeat(FIELDS)
    return x, torch.arange(FIELDS).repeat_interleave(POINTS)


def ramp(k, cells, x):
    """Rise from 0 to 1 / N at k / N, and fall to 0 at (k + 1) / N."""
    return torch.where(x <= k / cells, x / k, ((k + 1) / cells - x).clamp(min=0))


def at(theta, field, x):
    cells = theta.shape[1] + 1
    return sum(theta[field, k - 1] * ramp(k, cells, x) for k in range(1, cells))


def runge_kutta(theta, field, x, steps=1000):
    h = 1 / steps
    for _ in range(steps):
        a = at(theta, field, x)
        b = at(theta, field, x + h / 2 * a)
        c = at(theta, field, x + h / 2 * b)
        x = x + h / 6 * (a + 2 * b + 2 * c + at(theta, field, x + h * c))
    return x


@pytest.mark.parametrize("cells", [2, 4, 7])
def test_velocities_at_the_ends_of_cells_are_sums_of_ramps(cells):
    theta = fields(cells, 1.0)
    ends = torch.linspace(0, 1, cells + 1, dtype=torch.float64)
    expected = torch.stack([at(theta, field, ends) for field in range(FIELDS)])
    torch.testing.assert_close(velocity(theta), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cells, size", [(2, 3.0), (4, 0.5), (4, 5.0), (16, 4.0)])
def test_flows_as_small_steps_do(cells, size):
    theta, (x, field) = fields(cells, size), points()
    moved = flow(x, velocity(theta), field)
    assert (moved - x).abs().max() > 0.2 * size / cells
    torch.testing.assert_close(moved, runge_kutta(theta, field, x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cells, size", [(2, 2.0), (4, 1.0), (64, 1.0), (64, 4.0)])
def test_is_a_diffeomorphism_whose_inverse_flows_back(cells, size):
    theta, (x, field) = fields(cells, size), points()
    moved = flow(x, velocity(theta), field)
    assert (moved.view(FIELDS, POINTS).diff(dim=1) > 0).all()
    torch.testing.assert_close(moved.view(FIELDS, -1)[:, 0], torch.zeros(FIELDS, dtype=torch.float64))
    torch.testing.assert_close(moved.view(FIELDS, -1)[:, -1], torch.ones(FIELDS, dtype=torch.float64))
    torch.testing.assert_close(flow(moved, velocity(-theta), field), x, rtol=0, atol=1e-9)


def test_two_flows_one_after_another_are_one_of_twice_the_speed():
    theta, (x, field) = fields(8, 1.0), points()
    once = velocity(theta)
    torch.testing.assert_close(
        flow(flow(x, once, field), once, field), flow(x, 2 * once, field), rtol=0, atol=1e-12
    )


def test_is_the_identity_at_zero_exactly():
    x, field = points()
    assert torch.equal(flow(x, velocity(torch.zeros(FIELDS, 63, dtype=torch.float64)), field), x)


@pytest.mark.parametrize("cells, size", [(2, 2.0), (4, 3.0), (16, 0.0)])
def test_gradients_are_those_of_finite_differences(cells, size):
    theta = fields(cells, size).requires_grad_()
    # strictly inside cells, where the flow is smooth
    x = (torch.arange(12, dtype=torch.float64) + 0.37) / 12.5
    field = torch.arange(12) % FIELDS
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, theta: flow(x, velocity(theta), field), (x, theta))

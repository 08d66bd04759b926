"""Jacobians of a few tasks, from easy to degenerate."""

import pytest
import torch

from mtlbench.contracts.balancer import Gradients


def jacobian(tasks=3, parameters=20, seed=0, conflict=0.0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(tasks, parameters, generator=generator, dtype=torch.float64)
    common = torch.randn(parameters, generator=generator, dtype=torch.float64)
    return rows + (1 - conflict) * common


JACOBIANS = {
    "mild": jacobian(3, conflict=0.2),
    "fierce": jacobian(3, parameters=4, seed=1, conflict=1.0),
    "uneven": jacobian(3, seed=2, conflict=0.5) * torch.tensor([[100.0], [1.0], [0.05]], dtype=torch.float64),
    "two": jacobian(2, seed=3, conflict=1.0),
    "five": jacobian(5, seed=4, conflict=0.8),
}
_one = jacobian(1, seed=5)
DEGENERATE = {
    "zero row": torch.cat([jacobian(2, seed=6), torch.zeros(1, 20, dtype=torch.float64)]),
    "all zero": torch.zeros(3, 20, dtype=torch.float64),
    "equal": _one.repeat(3, 1),
    "opposite": torch.cat([_one, -_one]),
    "huge": jacobian(3, seed=7, conflict=1.0) * torch.tensor([[1e6], [1.0], [1.0]], dtype=torch.float64),
    "tiny": jacobian(3, seed=8, conflict=1.0) * 1e-8,
}


def names(count):
    return tuple(f"task{t}" for t in range(count))


def step(rows, losses=None, seed=0, tasks=None):
    """Show a balancer the rows of a Jacobian."""
    losses = torch.ones(len(rows), dtype=torch.float64) if losses is None else losses
    generator = torch.Generator().manual_seed(seed)
    return Gradients(tasks or names(len(rows)), rows @ rows.T, losses, generator, rows)


def direction(balancer, rows, **more):
    """Return the update that a balancer makes of the rows of a Jacobian."""
    found = balancer.combine(step(rows, **more))
    return found if balancer.needs == "jacobian" else found @ rows


@pytest.fixture(params=JACOBIANS)
def rows(request):
    return JACOBIANS[request.param]

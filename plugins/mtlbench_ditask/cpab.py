"""Flow points of [0, 1] along a continuous piecewise affine velocity (CPAB, Freifeld et al., TPAMI 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

#: an exit that is not reached within the unit of time that a flow lasts
_NEVER = 2.0
#: velocities below it count as none; no cell of a sane slope lets a point leave so slow a place in time
_STILL = 1e-100


def velocity(theta: Tensor) -> Tensor:
    """Return the velocities (F, N + 1) at the ends of N equal cells that fields theta (F, N - 1) have.

    Parameter k raises a ramp from 0 at x = 0 to θ_k / N at x = k / N, and lets it fall to 0 at the next end,
    so both ends of [0, 1] stand still. This is the basis of difw, which the release of DiTASK uses.
    """
    cells = theta.shape[1] + 1
    k = torch.arange(1, cells, device=theta.device, dtype=theta.dtype)
    ramps = (theta / k).flip(1).cumsum(1).flip(1) * (k / cells)
    return torch.nn.functional.pad(ramps, (1, 1))


def flow(x: Tensor, speeds: Tensor, field: Tensor) -> Tensor:
    """Carry points x (n,) for a unit of time along fields with `speeds` (F, N + 1) at the ends of cells.

    `field` (n,) says along which. In a cell the solution of dx/dt = v(x) is exponential, and the time to its
    end has a closed form, so the result is exact: sums of times to cross whole cells tell in which cell a
    point arrives, without a step from cell to cell. Gradients reach x and speeds; float64 is advised, as
    those sums span all cells.
    """
    cells = speeds.shape[1] - 1
    cell = (x.detach() * cells).long().clamp(0, cells - 1)
    left, right = speeds[field, cell], speeds[field, cell + 1]
    speed = left + (right - left) * (x * cells - cell)
    ahead = speed > 0
    leaves = cell + ahead
    distance = torch.where(ahead, (cell + 1) / cells - x, x - cell / cells)
    rest = 1 - _duration(speed, torch.where(ahead, right, left), distance)
    stays = rest <= 0

    clock = _clock(speeds)
    begun = clock[field, leaves]
    enters = _enters(clock, field, torch.where(ahead, begun + rest, begun - rest), ahead)
    enters = torch.where(ahead, enters.maximum(leaves), enters.minimum(leaves))
    rest = rest - (clock[field, enters] - begun).abs()

    cell = torch.where(stays, cell, enters - (~ahead).long()).clamp(0, cells - 1)
    slope = (speeds[field, cell + 1] - speeds[field, cell]) * cells
    start = torch.where(stays, x, enters / cells)
    speed = torch.where(stays, speed, speeds[field, enters])
    time = torch.where(stays, 1.0, rest)
    return start + speed * time * _growth(slope * time)


def _clock(speeds: Tensor) -> Tensor:
    """Return (F, N + 1): the time to cross all cells before each end, none counting over `_NEVER`."""
    cells = speeds.shape[1] - 1
    crossing = _duration(speeds[:, :-1], speeds[:, 1:], 1 / cells)
    return torch.nn.functional.pad(crossing.cumsum(1), (1, 0))


def _enters(clock: Tensor, field: Tensor, until: Tensor, ahead: Tensor) -> Tensor:
    """Return the last end (n,) of a cell that is passed before the clock shows `until`."""
    fields, ends = clock.shape
    # clocks one after another are one sorted list
    day = 2 * _NEVER * ends
    days = clock.detach() + day * torch.arange(fields, device=clock.device)[:, None]
    found = torch.searchsorted(days.flatten(), until.detach() + day * field)
    # ahead: the last end whose time is not after `until`; back: the first whose time is not before it
    return (found - ahead.long() - ends * field).clamp(0, ends - 1)


def _duration(start: Tensor, end: Tensor, distance: Tensor | float) -> Tensor:
    """Return the time over a distance on which velocity goes linearly from `start` to `end`, or `_NEVER`."""
    moves = (start.abs() > _STILL) & (end.abs() > _STILL) & (start.sign() == end.sign())
    start, end = torch.where(moves, start, 1.0), torch.where(moves, end, 1.0)
    change = end / start - 1
    small = change.abs() < 1e-4
    exact = torch.where(small, 1.0, change)
    series = 1 - change * (1 / 2 - change * (1 / 3 - change / 4))
    time = distance / start.abs() * torch.where(small, series, torch.log1p(exact) / exact)
    return torch.where(moves, time, _NEVER).clamp(max=_NEVER)


def _growth(z: Tensor) -> Tensor:
    """Return (e^z - 1) / z."""
    small = z.abs() < 1e-4
    exact = torch.where(small, 1.0, z)
    return torch.where(small, 1 + z * (1 / 2 + z * (1 / 6 + z / 24)), torch.expm1(exact) / exact)

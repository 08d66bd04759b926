"""Exact minima over a few weights: each face has a closed form, and few tasks have few faces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

#: up to so many tasks all 2^K faces are solved at once; beyond, a general solver takes over
ENUMERABLE = 10
_TOLERANCE = 1e-9


def faces(count: int) -> Tensor:
    """Return every non-empty set of `count` tasks as a row of booleans (2^K - 1, K)."""
    return (torch.arange(1, 2**count)[:, None] >> torch.arange(count)) % 2 == 1


def restricted_inverse(gram: Tensor, sets: Tensor) -> Tensor:
    """Return the pseudo-inverse of G on each set's rows and columns, 0 elsewhere (M, K, K)."""
    both = sets[:, :, None] & sets[:, None, :]
    return torch.linalg.pinv(torch.where(both, gram, 0.0), hermitian=True, rtol=1e-12)


def min_norm(gram: Tensor) -> Tensor:
    """Return the weights a on the simplex (K,) that minimise aᵀ G a: the point of the hull nearest to 0."""
    count = len(gram)
    scaled = gram / gram.diagonal().amax().clamp(min=torch.finfo(gram.dtype).tiny)
    if count > ENUMERABLE:
        return on_simplex(lambda a: a @ scaled @ a, count)
    sets = faces(count)
    # stationary on a face: G a = ν 1, 1ᵀ a = 1; bordered, so that singular faces count too
    border = torch.zeros(len(sets), count + 1, count + 1, dtype=gram.dtype)
    border[:, :count, :count] = torch.where(sets[:, :, None] & sets[:, None, :], scaled, 0.0)
    border[:, :count, count] = border[:, count, :count] = sets.to(gram.dtype)
    right = torch.zeros(count + 1, dtype=gram.dtype)
    right[-1] = 1
    found = torch.linalg.pinv(border, hermitian=True, rtol=1e-12) @ right
    return _best(found[:, :count], lambda a: torch.einsum("mi,ij,mj->m", a, scaled, a))


def cone_projection(gram: Tensor, target: Tensor) -> Tensor:
    """Return w (M, K) that minimise wᵀ G w over w >= target (M, K), row by row.

    Σ w_k g_k is then the projection of Σ target_k g_k on the cone of what conflicts with no g_k.
    """
    scale = gram.diagonal().amax().clamp(min=torch.finfo(gram.dtype).tiny)
    scaled = gram / scale
    slope = target @ scaled
    if len(gram) > ENUMERABLE:
        return target + torch.stack([_nonnegative(scaled, row) for row in slope])
    sets = torch.cat([torch.zeros(1, len(gram), dtype=torch.bool), faces(len(gram))])
    added = -torch.einsum("sij,mj->msi", restricted_inverse(scaled, sets), slope)
    valid = (added >= -_TOLERANCE).all(-1)
    added = added.clamp(min=0)
    value = 0.5 * torch.einsum("msi,ij,msj->ms", added, scaled, added) + torch.einsum(
        "msi,mi->ms", added, slope
    )
    best = value.masked_fill(~valid, torch.inf).argmin(1)
    return target + added[torch.arange(len(target)), best]


def on_simplex(value: Callable[[Tensor], Tensor], count: int, start: Tensor | None = None) -> Tensor:
    """Minimise a convex, differentiable function of weights on the simplex (K,) numerically."""

    def both(point: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.from_numpy(point.copy()).requires_grad_()
        with torch.enable_grad():
            result = value(weights)
            (slope,) = torch.autograd.grad(result, weights)
        return float(result.detach()), slope.nan_to_num().numpy()

    first = torch.full((count,), 1 / count, dtype=torch.float64) if start is None else start
    found = minimize(
        both,
        first.numpy(),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda a: a.sum() - 1, "jac": lambda a: np.ones_like(a)},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    weights = torch.from_numpy(found.x).clamp(min=0)
    return weights / weights.sum()


def _best(weights: Tensor, value: Callable[[Tensor], Tensor]) -> Tensor:
    """Return, of candidates (M, K), the one on the simplex of the least value."""
    valid = (weights >= -_TOLERANCE).all(1) & ((weights.sum(1) - 1).abs() < 1e-6)
    weights = weights.clamp(min=0)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=_TOLERANCE)
    return weights[value(weights).masked_fill(~valid, torch.inf).argmin()]


def _nonnegative(gram: Tensor, slope: Tensor) -> Tensor:
    """Minimise ½ vᵀ G v + slopeᵀ v over v >= 0, coordinate by coordinate."""
    v = torch.zeros_like(slope)
    diagonal = gram.diagonal().clamp(min=1e-12)
    for _ in range(10_000):
        before = v.clone()
        for i in range(len(v)):
            v[i] = (v[i] - (gram[i] @ v + slope[i]) / diagonal[i]).clamp(min=0)
        if (v - before).abs().max() <= 1e-12 * (1 + v.abs().max()):
            break
    return v

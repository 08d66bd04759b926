"""Conflict-averse gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench_gradients.simplex import ENUMERABLE, faces, on_simplex, restricted_inverse


class CAGrad(GradientBalancer):
    """Follow the direction near the mean gradient along which the task that falls least falls most.

    Liu et al., NeurIPS 2021, eq. 4 and algorithm 1: with g_0 the mean and w on the simplex the minimum of
    g_w · g_0 + c ‖g_0‖ ‖g_w‖, the direction is g_0 + c ‖g_0‖ / ‖g_w‖ g_w. On a face of the simplex the
    minimum has a closed form, and all are tried.

    Args:
        tasks: names of the experiment's tasks.
        c: radius of the ball around g_0, as a share of ‖g_0‖; 0 is the mean.
        rescale: divide the direction by 1 + c², as the public code does by default.
        options: those of every `GradientBalancer`.
    """

    def __init__(self, tasks: Sequence[str], c: float = 0.5, rescale: bool = True, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.c, self.rescale = c, rescale

    def combine(self, step: Gradients) -> Tensor:
        """Return the weights of the direction (K,)."""
        count = len(step.gram)
        scale = step.gram.diagonal().amax()
        mean = torch.full((count,), 1 / count, dtype=torch.float64)
        if scale == 0:
            return mean
        gram = step.gram / scale
        slope = gram @ mean
        radius = self.c * (mean @ slope).clamp(min=0).sqrt()
        worst = least_decrease(gram, slope, radius)
        norm = (worst @ gram @ worst).clamp(min=0).sqrt()
        alpha = mean + radius / norm * worst if norm > 1e-12 else mean
        return alpha / (1 + self.c**2) if self.rescale else alpha


def least_decrease(gram: Tensor, slope: Tensor, radius: Tensor) -> Tensor:
    """Return w on the simplex (K,) that minimises slopeᵀ w + radius · √(wᵀ G w)."""

    def value(w: Tensor) -> Tensor:
        return w @ slope + radius * torch.einsum("...i,ij,...j->...", w, gram, w).clamp(min=1e-300).sqrt()

    if len(gram) > ENUMERABLE:
        return on_simplex(value, len(gram))
    sets = faces(len(gram))
    inverse, ones = restricted_inverse(gram, sets), sets.to(gram.dtype)
    # stationary on a face: slope + radius G w / ‖w‖ = λ 1, where ‖w‖² = wᵀ G w makes λ a root
    by_one, by_slope = torch.einsum("mij,mj->mi", inverse, ones), inverse @ slope
    a, b = (ones * by_one).sum(1), (ones * by_slope).sum(1)
    root = (b**2 - a * (by_slope @ slope - radius**2)).clamp(min=0).sqrt()
    candidates = (((b + root) / a)[:, None] * by_one - by_slope) / root[:, None]
    candidates = torch.cat([candidates, torch.eye(len(gram), dtype=gram.dtype)])
    valid = (
        candidates.isfinite().all(1) & (candidates >= -1e-9).all(1) & ((candidates.sum(1) - 1).abs() < 1e-6)
    )
    candidates = candidates.nan_to_num().clamp(min=0)
    candidates = candidates / candidates.sum(1, keepdim=True).clamp(min=1e-9)
    best = candidates[value(candidates).masked_fill(~valid, torch.inf).argmin()]
    return _polish(value, best) if torch.linalg.matrix_rank(gram, rtol=1e-10) < len(gram) else best


def _polish(value, start: Tensor) -> Tensor:
    """Go on numerically where gradients depend on each other, and faces have more than one solution."""
    found = on_simplex(value, len(start), start)
    return found if value(found) < value(start) else start

"""Projections on the dual cone of the gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench_gradients.simplex import cone_projection


class UPGrad(GradientBalancer):
    """Project every gradient on the cone of what conflicts with none, and take the mean of the projections.

    Quinton and Rey, 2024 (arXiv 2406.16232), eq. 5. The projection of Σ u_t g_t is Σ w_t g_t with w the
    minimum of wᵀ G w over w >= u, here exactly.
    """

    def combine(self, step: Gradients) -> Tensor:
        """Return the mean of the projections' weights (K,)."""
        return cone_projection(step.gram, torch.eye(len(step.gram), dtype=step.gram.dtype)).mean(0)


class DualProj(GradientBalancer):
    """Project the mean gradient on the cone of what conflicts with no gradient.

    Lopez-Paz and Ranzato, NeurIPS 2017 (GEM), eq. 11, for the tasks of one step.
    """

    def combine(self, step: Gradients) -> Tensor:
        """Return the projection's weights (K,)."""
        count = len(step.gram)
        return cone_projection(step.gram, torch.full((1, count), 1 / count, dtype=step.gram.dtype))[0]

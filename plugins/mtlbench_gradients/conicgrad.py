"""ConicGrad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench_gradients.simplex import on_simplex


class ConicGrad(GradientBalancer):
    """Of all directions in a cone around the mean gradient take the one whose least decrease is largest.

    Hassanpour et al., 2025 (arXiv 2502.00217): max over d of min_t g_t · d with cos(d, g_0) >= c, here with
    ‖d‖ = ‖g_0‖. By duality d is the best direction for one mixture g_w, w the minimum over the simplex of
    what that direction gains. The paper takes a gradient step on w per iteration; this solves for it.

    Args:
        tasks: names of the experiment's tasks.
        c: cosine of the cone's half angle.
        options: those of every `GradientBalancer`.
    """

    def __init__(self, tasks: Sequence[str], c: float = 0.75, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.c = c

    def combine(self, step: Gradients) -> Tensor:
        """Return the weights of d (K,)."""
        count = len(step.gram)
        mean = torch.full((count,), 1 / count, dtype=torch.float64)
        scale = step.gram.diagonal().amax()
        gram = step.gram / scale.clamp(min=torch.finfo(torch.float64).tiny)
        size = (mean @ gram @ mean).clamp(min=0).sqrt()
        if size < 1e-12:
            return mean
        found = on_simplex(lambda w: self._gain(w, gram, mean, size), count)
        along, across = self._parts(found, gram, mean, size)
        if along >= self.c * (along**2 + across**2).sqrt():  # inside the cone
            return found * (size / (along**2 + across**2).sqrt())
        side = (found - along / size * mean) / across  # a unit vector at a right angle to g_0
        return self.c * mean + (1 - self.c**2) ** 0.5 * size * side

    def _parts(self, w: Tensor, gram: Tensor, mean: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lengths of g_w along and across g_0."""
        along = w @ gram @ mean / size
        return along, (w @ gram @ w - along**2).clamp(min=1e-24).sqrt()

    def _gain(self, w: Tensor, gram: Tensor, mean: Tensor, size: Tensor) -> Tensor:
        """Return the largest g_w · d / ‖d‖ of the cone."""
        along, across = self._parts(w, gram, mean, size)
        length = (along**2 + across**2).sqrt()
        edge = self.c * along + (1 - self.c**2) ** 0.5 * across
        return torch.where(along >= self.c * length, length, edge)

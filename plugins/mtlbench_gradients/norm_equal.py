"""Weights from the norms of gradients alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class NormEqual(GradientBalancer):
    """Weight every gradient by a power of the inverse of its norm: w_t ∝ (tr G / G_tt)^p, Σ w_t = K.

    p = 1/2 makes all norms equal. Guo et al., 2025 (arXiv 2509.23915) find it as good as a grid search over
    weights; NTKMTL (NeurIPS 2025) has the same form. A gradient of zero takes the mean weight 1.

    Args:
        tasks: names of the experiment's tasks.
        power: p.
        options: those of every `GradientBalancer`.
    """

    def __init__(self, tasks: Sequence[str], power: float = 0.5, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.power = power

    def combine(self, step: Gradients) -> Tensor:
        """Return w (K,)."""
        squares = step.gram.diagonal()
        here = squares > 0
        weights = torch.ones_like(squares)
        if here.any():
            found = (squares[here].amin() / squares[here]) ** self.power
            weights[here] = found * here.sum() / found.sum()
        return weights

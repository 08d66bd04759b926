"""Independent component alignment."""

from __future__ import annotations

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class Aligned(GradientBalancer):
    """Give the matrix of gradients equal singular values, so that tasks neither conflict nor dominate.

    Senushkin et al., CVPR 2023, algorithm 1: with G = V Λ Vᵀ, α = √λ_min V Λ^(−1/2) Vᵀ 1, where λ_min is the
    least eigenvalue that is not zero.
    """

    def combine(self, step: Gradients) -> Tensor:
        """Return α (K,)."""
        values, vectors = torch.linalg.eigh(step.gram)
        known = values > values[-1].clamp(min=0) * len(values) * 1e-13
        if not known.any():
            return torch.ones_like(values)
        root, vectors = values[known].sqrt(), vectors[:, known]
        return (vectors * (root.min() / root)) @ vectors.sum(0)


class AlignedUB(Aligned):
    """Aligned-MTL on the gradients by the features between backbone and decoder (Aligned-MTL-UB)."""

    compares = "representation"

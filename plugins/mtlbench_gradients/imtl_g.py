"""Impartial multi-task learning of gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class IMTLG(GradientBalancer):
    """Weight gradients so that their sum has the same projection on every one of them.

    Liu et al., ICLR 2021, eq. 7: Σ_t α_t = 1 and g · g_t / ‖g_t‖ alike for all t, so with C the matrix of
    cosines α_t ∝ (C⁺ 1)_t / ‖g_t‖. Weights may be negative. A gradient of zero has no direction and takes no
    part; where the weights have no finite sum, 1/‖g_t‖ stands in.
    """

    def combine(self, step: Gradients) -> Tensor:
        """Return α (K,)."""
        norms = step.gram.diagonal().sqrt()
        here = norms > 0
        alpha = torch.zeros_like(norms)
        if not here.any():
            return alpha
        unit = step.gram[here][:, here] / torch.outer(norms[here], norms[here])
        solved = torch.linalg.pinv(unit, hermitian=True, rtol=1e-10).sum(1) / norms[here]
        plain = 1 / norms[here]
        usable = solved.sum().abs() > 1e-8 * plain.sum()
        alpha[here] = solved / solved.sum() if usable else plain / plain.sum()
        return alpha

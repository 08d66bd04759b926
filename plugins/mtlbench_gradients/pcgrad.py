"""Projecting conflicting gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class PCGrad(GradientBalancer):
    """Take out of each gradient what conflicts with the others, one after another in random order, and sum.

    Yu et al., NeurIPS 2020, algorithm 1: g_i ← g_i − (g_i · g_j / ‖g_j‖²) g_j where g_i · g_j < 0, with the
    other tasks' unchanged gradients g_j.
    """

    def combine(self, step: Gradients) -> Tensor:
        """Return the sum of the projected gradients' weights (K,)."""
        gram = step.gram
        mixed = torch.eye(len(gram), dtype=gram.dtype)  # row i: gradient i as weights of all
        for i in range(len(gram)):
            for j in torch.randperm(len(gram), generator=step.generator).tolist():
                along = mixed[i] @ gram[j]
                if j != i and along < 0:
                    mixed[i, j] -= along / gram[j, j]
        return mixed.sum(0)

"""Gradient vaccine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class GradVac(GradientBalancer):
    """Turn each gradient towards the others until cosines reach their running means, and sum.

    Wang et al., ICLR 2021, eqs. 4 and 5: where φ_ij = cos(g_i, g_j) is below its moving average φ̂_ij,
    g_i ← g_i + ‖g_i‖ (φ̂ √(1 − φ²) − φ √(1 − φ̂²)) / (‖g_j‖ √(1 − φ̂²)) · g_j, and then
    φ̂_ij ← (1 − β) φ̂_ij + β φ_ij. With φ̂ = 0 this is PCGrad. The order of j is random.

    Args:
        tasks: names of the experiment's tasks.
        beta: β of the moving averages, which start at 0.
        options: those of every `GradientBalancer`.
    """

    def __init__(self, tasks: Sequence[str], beta: float = 0.01, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.beta = beta
        self.target: Tensor
        self.register_buffer("target", torch.zeros(len(self.tasks), len(self.tasks), dtype=torch.float64))

    def combine(self, step: Gradients) -> Tensor:
        """Return the sum of the turned gradients' weights (K,)."""
        gram, rows = step.gram, [self.tasks.index(task) for task in step.tasks]
        mixed = torch.eye(len(gram), dtype=gram.dtype)
        for i in range(len(gram)):
            for j in torch.randperm(len(gram), generator=step.generator).tolist():
                norm, other = (mixed[i] @ gram @ mixed[i]).clamp(min=0).sqrt(), gram[j, j].sqrt()
                if j == i or norm == 0 or other == 0:
                    continue
                cosine = (mixed[i] @ gram[j] / (norm * other)).clamp(-1, 1)
                target = self.target[rows[i], rows[j]].clone()
                if cosine < target:
                    rest = (1 - target**2).sqrt()
                    turn = target * (1 - cosine**2).sqrt() - cosine * rest
                    mixed[i, j] += norm * turn / (other * rest)
                self.target[rows[i], rows[j]] = (1 - self.beta) * target + self.beta * cosine
        return mixed.sum(0)

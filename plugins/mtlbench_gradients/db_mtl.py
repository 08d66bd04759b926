"""Dual-balancing multi-task learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class DBMTL(GradientBalancer):
    """Balance losses by their logarithm and gradients by their norm.

    Lin et al., 2023 (arXiv 2308.12029), algorithm 1: of the gradients of log(L_t + ε) moving averages
    ĝ_t ← β_k ĝ_t + (1 − β_k) g_t are kept, β_k = β / k^σ, and summed after all were scaled to the largest
    norm among them. An average starts at its first gradient; k counts the steps of the task.

    Args:
        tasks: names of the experiment's tasks.
        beta: β.
        sigma: σ.
        eps: ε.
        options: those of every `GradientBalancer`.
    """

    needs = "jacobian"

    def __init__(
        self, tasks: Sequence[str], beta: float = 0.9, sigma: float = 0.0, eps: float = 1e-8, **options: Any
    ) -> None:
        super().__init__(tasks, **options)
        self.beta, self.sigma, self.eps = beta, sigma, eps
        self.average: Tensor
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros(len(self.tasks), dtype=torch.float64))

    def transform(self, loss: Tensor) -> Tensor:
        """Return log(L + ε)."""
        return torch.log(loss + self.eps)

    def prepare(self, parameters: int, device: torch.device | str = "cpu") -> None:
        """Make room for the averages (T, P)."""
        self.register_buffer("average", torch.zeros(len(self.tasks), parameters, device=device))

    def select(self, index: Tensor) -> None:
        """Keep the columns of parameters that were not cut."""
        self.average = self.average.index_select(1, index)

    def combine(self, step: Gradients) -> Tensor:
        """Return the direction (P,)."""
        at = torch.tensor([self.tasks.index(task) for task in step.tasks])
        self.steps[at] += 1
        count = self.steps[at]
        kept = torch.where(count > 1, self.beta / count**self.sigma, 0.0)[:, None].to(step.jacobian)
        average = self.average[at].to(step.jacobian).mul_(kept).addcmul_(step.jacobian, 1 - kept)
        self.average[at] = average.to(self.average)
        norms = torch.linalg.vector_norm(average, dim=1, dtype=torch.float64)
        factors = torch.where(norms > 0, norms.max() / norms, 0.0)
        return factors.to(average) @ average

"""Multi-objective gradient correction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class MoCo(GradientBalancer):
    """Follow a combination of tracked gradients, whose noise averages out, with weights that move slowly.

    Fernando et al., ICLR 2023, algorithm 1, with the steps of public code: y_t ← y_t + β_k (ĝ_t − y_t), where
    ĝ_t = L_t g_t / ‖g_t‖, λ ← softmax(λ − γ_k (Y Yᵀ + ρ I) λ) over the active tasks, and Σ λ_t y_t is the
    update; β_k = β / k^σ_β and γ_k = γ / k^σ_γ in step k.

    Args:
        tasks: names of the experiment's tasks.
        beta, beta_sigma: β and σ_β.
        gamma, gamma_sigma: γ and σ_γ.
        rho: ρ.
        options: those of every `GradientBalancer`.
    """

    needs = "jacobian"

    def __init__(
        self,
        tasks: Sequence[str],
        beta: float = 0.5,
        beta_sigma: float = 0.5,
        gamma: float = 0.1,
        gamma_sigma: float = 0.5,
        rho: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(tasks, **options)
        self.beta, self.beta_sigma, self.gamma, self.gamma_sigma = beta, beta_sigma, gamma, gamma_sigma
        self.rho = rho
        self.tracked: Tensor
        self.weight: Tensor
        self.register_buffer(
            "weight", torch.full((len(self.tasks),), 1 / len(self.tasks), dtype=torch.float64)
        )

    def prepare(self, parameters: int, device: torch.device | str = "cpu") -> None:
        """Make room for the tracked gradients (T, P)."""
        self.register_buffer("tracked", torch.zeros(len(self.tasks), parameters, device=device))

    def select(self, index: Tensor) -> None:
        """Keep the columns of parameters that were not cut."""
        self.tracked = self.tracked.index_select(1, index)

    def combine(self, step: Gradients) -> Tensor:
        """Return the direction (P,)."""
        at = torch.tensor([self.tasks.index(task) for task in step.tasks])
        k = float(self.age) + 1
        norms = torch.linalg.vector_norm(step.jacobian, dim=1, dtype=torch.float64)
        factors = torch.where(norms > 0, step.losses.to(norms) / norms, 0.0).to(step.jacobian)
        tracked = self.tracked[at].to(step.jacobian)
        tracked = tracked + self.beta / k**self.beta_sigma * (factors[:, None] * step.jacobian - tracked)
        self.tracked[at] = tracked.to(self.tracked)
        exact = tracked.double()
        gram = (exact @ exact.T).cpu()
        weight = self.weight[at]
        moved = gram @ weight + self.rho * weight
        weight = (weight - self.gamma / k**self.gamma_sigma * moved).softmax(0)
        self.weight[at] = weight
        return weight.to(tracked) @ tracked

"""Nash bargaining over gradients, and its generalisation by fairness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients


class FairGrad(GradientBalancer):
    """Choose weights so that every task's decrease is fair.

    Ban and Ji, ICML 2024, eq. 6: G a = a^(−1/α). α = 1 is Nash-MTL, α = 0 would be plain summing. Solved
    exactly by a damped Newton method on ½ aᵀ G a − Σ_t ∫ a_t^(−1/α), whose minimum the equation marks. A
    gradient of zero takes weight 1.

    Args:
        tasks: names of the experiment's tasks.
        fairness: α.
        options: those of every `GradientBalancer`.
    """

    custom = "task"

    def __init__(self, tasks: Sequence[str], fairness: float = 1.0, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.power = 1 / fairness

    def combine(self, step: Gradients) -> Tensor:
        """Return a (K,)."""
        return fair_weights(step.gram, self.power)


class Nash(GradientBalancer):
    """Let the tasks bargain for the direction of the update.

    Navon et al., ICML 2022, eq. 3: G α = 1/α, solved exactly by a damped Newton method; the update is then
    shortened to `max_norm`, as in the public code.

    Args:
        tasks: names of the experiment's tasks.
        max_norm: largest norm of the combined gradient; None leaves it.
        options: those of every `GradientBalancer`.
    """

    custom = "task"

    def __init__(self, tasks: Sequence[str], max_norm: float | None = 1.0, **options: Any) -> None:
        super().__init__(tasks, **options)
        self.max_norm = max_norm

    def combine(self, step: Gradients) -> Tensor:
        """Return α (K,)."""
        alpha = fair_weights(step.gram, 1.0)
        norm = (alpha @ step.gram @ alpha).clamp(min=0).sqrt()
        if self.max_norm is not None and norm > self.max_norm:
            alpha = alpha * (self.max_norm / norm)
        return alpha


def fair_weights(gram: Tensor, power: float) -> Tensor:
    """Solve G a = a^(−p) for a > 0 (K,), p = `power`; rows of zeros take 1."""
    norms = gram.diagonal().sqrt()
    here = norms > 0
    weights = torch.ones_like(norms)
    if not here.any():
        return weights
    # in units of 1/norm the equation is C b = n^(p−1) b^(−p): the matrix of cosines, whatever the scales
    size = norms[here]
    cosines = gram[here][:, here] / torch.outer(size, size)
    cosines = cosines + 1e-10 * torch.eye(
        len(cosines), dtype=gram.dtype
    )  # opposite gradients have no solution
    factor = size ** (power - 1)
    weights[here] = _newton(cosines, factor, power) / size
    return weights


def _newton(matrix: Tensor, factor: Tensor, power: float) -> Tensor:
    """Minimise ½ bᵀ M b − Σ factor · ∫ b^(−p) over b > 0."""

    def value(b: Tensor) -> Tensor:
        barrier = b.log() if power == 1 else b ** (1 - power) / (1 - power)
        return 0.5 * b @ matrix @ b - (factor * barrier).sum()

    b = factor ** (1 / (1 + power))
    for _ in range(200):
        slope = matrix @ b - factor * b**-power
        if (slope.abs() <= 1e-13 * (factor * b**-power + 1e-300)).all():
            break
        step = torch.linalg.solve(matrix + torch.diag(power * factor * b ** (-power - 1)), slope)
        length = torch.where(step > 0, 0.95 * b / step, torch.inf).min().clamp(max=1.0)
        while length > 1e-14 and not value(b - length * step) <= value(b) - 1e-4 * length * (slope @ step):
            length = length / 2
        if length <= 1e-14:
            break
        b = b - length * step
    return b

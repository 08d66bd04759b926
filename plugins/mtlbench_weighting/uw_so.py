"""Uncertainty weighting, solved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class UWSO(Balancer):
    """Take the analytical optimum of uncertainty weighting, softened: w = softmax_t((1 / L_t) / τ).

    Kirchdorfer et al., 2024 (arXiv 2408.07985): without the softmax w_t = 1 / L_t is the minimum of UW over
    its uncertainties. L_t is the loss without its graph.

    Args:
        tasks: names of the experiment's tasks.
        temperature: τ; the larger, the more alike the weights.
    """

    def __init__(self, tasks: Sequence[str], temperature: float = 1.0) -> None:
        super().__init__(tasks)
        self.temperature = temperature

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return w_t, which add up to 1."""
        values = torch.stack([loss.double() for loss in losses.values()])
        weights = (1 / values.clamp(min=1e-12) / self.temperature).softmax(0)
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}

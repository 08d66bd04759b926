"""Several balancers as one: transforms in order, weights multiplied, at most one combination of gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.balancer import Balancer, GradientBalancer
from mtlbench.engine.config import ConfigError


class Chain(Balancer):
    """Let losses pass all parts' transforms, then multiply all weights; the last may combine gradients.

    Raises:
        ConfigError: a gradient balancer is not the last.
    """

    def __init__(self, parts: Sequence[Balancer]) -> None:
        super().__init__(parts[0].tasks)
        if any(isinstance(part, GradientBalancer) for part in parts[:-1]):
            raise ConfigError("A balancer that combines gradients comes last: reorder the list `balancer`.")
        self.parts = nn.ModuleList(parts)
        self._parts: list[Balancer] = list(parts)  # the same, with their type
        self.static = all(part.static for part in parts)
        self.looks_again = any(part.looks_again for part in parts)

    def transform(self, loss: Tensor) -> Tensor:
        """Apply every part's transform, in order."""
        for part in self._parts:
            loss = part.transform(loss)
        return loss

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the product of all parts' weights."""
        found = [part.weights(losses) for part in self._parts]
        return {task: torch.stack([weights[task] for weights in found]).prod(0) for task in losses}

    def penalty(self, active: Sequence[str]) -> Tensor:
        """Return the sum of all parts' penalties."""
        return torch.stack([part.penalty(active) for part in self._parts]).sum()

    def after_update(self, losses: Mapping[str, float]) -> None:
        """Tell every part that looks again."""
        for part in self._parts:
            if part.looks_again:
                part.after_update(losses)

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Tell every part."""
        for part in self._parts:
            part.after_step(losses)

    def after_epoch(self, losses: Mapping[str, float]) -> None:
        """Tell every part."""
        for part in self._parts:
            part.after_epoch(losses)


def gradient_balancer(balancer: Balancer) -> GradientBalancer | None:
    """Return what combines gradients: the balancer, the last of its parts, or None."""
    last = balancer._parts[-1] if isinstance(balancer, Chain) else balancer
    return last if isinstance(last, GradientBalancer) else None

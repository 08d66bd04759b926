"""Random loss weighting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class RLW(Balancer):
    """Draw new weights in every step: w = K · softmax of K standard normal numbers.

    Lin et al., TMLR 2022, with the normal law. The paper's weights add up to 1; here they add up to the
    number K of active tasks, as those of plain summing do. Numbers are drawn alike on all processes.
    """

    static = True

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.register_buffer("steps", torch.tensor(0))

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of the present step."""
        generator = torch.Generator().manual_seed(int(self.steps))
        drawn = torch.randn(len(self.tasks), generator=generator, dtype=torch.float64)
        active = [self.tasks.index(task) for task in losses]
        weights = len(active) * drawn[active].softmax(0)
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}

    def after_step(self, losses: Mapping[str, float]) -> None:
        """Go on to the next draw."""
        self.steps += 1

"""Equal weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class Equal(Balancer):
    """Sum the losses of the active tasks: w_t = 1."""

    static = True

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return 1 for every active task."""
        return {task: torch.ones_like(loss) for task, loss in losses.items()}

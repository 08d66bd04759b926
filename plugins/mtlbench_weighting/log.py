"""The logarithm of losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtlbench_weighting.equal import Equal


class Log(Equal):
    """Sum the logarithms of the losses: Σ_t log(L_t + ε), which no scale of a loss can change.

    A baseline of Navon et al., ICML 2022 ("scale-invariant"), and the transform of several other methods.

    Args:
        tasks: names of the experiment's tasks.
        eps: ε.
    """

    static = False

    def __init__(self, tasks: Sequence[str], eps: float = 1e-8) -> None:
        super().__init__(tasks)
        self.eps = eps

    def transform(self, loss: Tensor) -> Tensor:
        """Return log(L + ε)."""
        return torch.log(loss + self.eps)

"""The geometric mean of losses."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class GLS(Balancer):
    """Minimise the geometric mean of the K active losses.

    Chennupati et al., CVPRW 2019, eq. 3: (Π_t L_t)^(1/K), whose gradient is Σ_t w_t ∇L_t with
    w_t = (Π L)^(1/K) / (K L_t). A loss of zero takes no weight.
    """

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return w_t."""
        values = torch.stack([loss.double() for loss in losses.values()])
        mean = values.clamp(min=0).log().mean().exp()
        found = torch.where(values > 0, mean / (len(values) * values), 0.0)
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), found, strict=True)}

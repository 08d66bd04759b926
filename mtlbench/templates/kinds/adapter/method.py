"""A low-rank update of every attention projection, shared by all tasks."""

import torch
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone


class {{Class}}(Adapter):
    """Add B A x to what the frozen layer makes of x; B starts at zero, so that nothing changes at first."""

    #: roles of the backbone's own parameters that train too
    trains = ("norm",)

    def __init__(self, tasks, rank: int = 4) -> None:
        super().__init__(tasks)
        self.rank = rank

    def attach(self, backbone: Backbone) -> None:
        """Replace every attention projection."""
        for site in backbone.sites():
            if site.role == "proj":
                frozen = backbone.get_submodule(site.path)
                backbone.set_submodule(site.path, LowRank(frozen, self.rank))


class LowRank(nn.Module):
    """Compute W x + b + B A x for every stream: (S, B, ..., I) -> (S, B, ..., O)."""

    def __init__(self, frozen: nn.Linear, rank: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.down = nn.Parameter(torch.randn(rank, frozen.in_features) / frozen.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(frozen.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Return the frozen layer's output with the update."""
        return self.frozen(x) + x @ self.down.T @ self.up.T

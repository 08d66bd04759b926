"""A third party's adapter: scale the channels that every attention projection puts out."""

import torch
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone


class OutsiderScale(Adapter):
    """Multiply every channel after `proj` by a trainable scale, shared by all tasks, that starts at one."""

    trains = ("norm",)

    def attach(self, backbone: Backbone) -> None:
        """Replace every attention projection by a scaled one."""
        for site in backbone.sites():
            if site.role == "proj":
                backbone.set_submodule(site.path, Scaled(backbone.get_submodule(site.path)))


class Scaled(nn.Module):
    """Compute scale ⊙ (W x + b) for every stream: (S, B, ..., I) -> (S, B, ..., O)."""

    def __init__(self, frozen: nn.Linear) -> None:
        super().__init__()
        self.frozen = frozen
        self.scale = nn.Parameter(torch.ones_like(frozen.weight[:, 0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.frozen(x)

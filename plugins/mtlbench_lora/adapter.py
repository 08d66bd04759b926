"""LoRA (Hu et al., ICLR 2022), shared by all tasks."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.layers import dropout
from mtlbench.engine.sites import replace


class LoRA(Adapter):
    """Add one low-rank update, shared by all tasks, to linear layers of the backbone.

    Args:
        tasks: names of the tasks; LoRA does not tell them apart.
        rank: r, inner size of every update.
        alpha: the update is multiplied by α / r; for a plain multiplier s take alpha = s · rank.
        dropout: probability that an input element of the update is dropped in training.
        roles: which linear layers are updated, among `qkv`, `proj`, `fc1`, `fc2` and `reduction`.
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 16,
        alpha: float = 16.0,
        dropout: float = 0.0,
        roles: Collection[str] = ("qkv", "proj", "fc1", "fc2"),
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        self.rank, self.alpha, self.dropout = rank, alpha, dropout
        self.roles, self.trains = tuple(roles), tuple(trains)

    def attach(self, backbone: Backbone) -> None:
        """Replace every linear layer of the chosen roles."""
        scale = self.alpha / self.rank
        self._sites = replace(
            backbone, self.roles, lambda layer, _: LoRALinear(layer, self.rank, scale, self.dropout)
        )

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> {"shared": rank}."""
        return {path: {"shared": layer.A.shape[0]} for path, layer in self._sites.items()}


class LoRALinear(nn.Module):
    """Compute y = W x + b + s · B A drop(x) for every stream: (S, B, ..., I) -> (S, B, ..., O).

    A (r, I) starts from Kaiming's uniform law with a = √5, B (O, r) from zero.
    """

    def __init__(self, frozen: nn.Linear, rank: int, scale: float, dropout: float) -> None:
        super().__init__()
        self.frozen = frozen
        self.scale, self.dropout = scale, dropout
        self.A = nn.Parameter(frozen.weight.new_empty(rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(frozen.out_features, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous()
        inner = F.linear(dropout(x, self.dropout, self.training), self.A).flatten(0, -2)
        base = self.frozen(x).flatten(0, -2)
        return torch.addmm(base, inner, self.B.T, alpha=self.scale).view(*x.shape[:-1], -1)

    @torch.no_grad()
    def deployed(self) -> nn.Linear:
        """Return the frozen layer with W + s · BA as its weight."""
        self.frozen.weight.addmm_(self.B, self.A, alpha=self.scale)
        return self.frozen

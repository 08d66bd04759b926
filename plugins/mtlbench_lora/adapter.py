"""LoRA (Hu et al., ICLR 2022) and DoRA (Liu et al., ICML 2024), shared by all tasks or per task."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone, Site
from mtlbench.engine.sites import replace
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_lora.dora import DoRALinear, TaskDoRALinear
from mtlbench_lora.linear import LoRALinear, TaskLoRALinear

SHARED = "shared"
SHARINGS = (SHARED, "per-task")


class LoRA(Adapter):
    """Add low-rank updates to linear layers of the backbone.

    Args:
        tasks: names of the tasks.
        rank: r, inner size of every update.
        alpha: the update is multiplied by α / r; for a plain multiplier s take alpha = s · rank.
        dropout: probability that an input element of the update is dropped in training.
        roles: which linear layers are updated, among `qkv`, `proj`, `fc1`, `fc2` and `reduction`.
        sharing: `shared`, one update for all tasks, or `per-task`, one for each; streams then fan out at the
            first updated layer.
        split_qkv: update query, key and value by three products of rank r instead of one.
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 16,
        alpha: float = 16.0,
        dropout: float = 0.0,
        roles: Collection[str] = ("qkv", "proj", "fc1", "fc2"),
        sharing: Literal["shared", "per-task"] = "shared",
        split_qkv: bool = False,
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        if sharing not in SHARINGS:
            raise MtlbenchError(
                f"{type(self).__name__.lower()} has no sharing {sharing!r}: choose 'shared' or 'per-task'."
                f"{did_you_mean(str(sharing), SHARINGS)}"
            )
        self.rank, self.alpha, self.dropout = rank, alpha, dropout
        self.roles, self.trains = tuple(roles), tuple(trains)
        self.sharing, self.split_qkv = sharing, split_qkv

    def attach(self, backbone: Backbone) -> None:
        """Replace every linear layer of the chosen roles."""
        self._paths = tuple(replace(backbone, self.roles, self._update))

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> {"shared": rank}, or task -> rank."""
        streams = (SHARED,) if self.sharing == SHARED else self.tasks
        return {path: dict.fromkeys(streams, self.rank) for path in self._paths}

    def layer(self, *args) -> nn.Module:
        """Return an updated layer."""
        return LoRALinear(*args) if self.sharing == SHARED else TaskLoRALinear(*args, tasks=len(self.tasks))

    def _update(self, frozen: nn.Linear, site: Site) -> nn.Module:
        parts = 3 if self.split_qkv and site.role == "qkv" else 1
        return self.layer(frozen, self.rank, self.alpha / self.rank, self.dropout, parts)


class DoRA(LoRA):
    """Update directions of weights by low-rank products, and train their magnitudes.

    Args:
        tasks: names of the tasks.
        rank: r, inner size of every update.
        alpha: the update is multiplied by α / r; for a plain multiplier s take alpha = s · rank.
        dropout: probability that an input element of the update is dropped in training.
        roles: which linear layers are updated, among `qkv`, `proj`, `fc1`, `fc2` and `reduction`.
        sharing: `shared`, one update and magnitude for all tasks, or `per-task`, one for each; streams then
            fan out at the first updated layer.
        split_qkv: update query, key and value by three products of rank r instead of one.
        detach_norm: let no gradient through the norm that divides, as in section 4.3 of the paper.
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 16,
        alpha: float = 16.0,
        dropout: float = 0.0,
        roles: Collection[str] = ("qkv", "proj", "fc1", "fc2"),
        sharing: Literal["shared", "per-task"] = "shared",
        split_qkv: bool = False,
        detach_norm: bool = True,
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks, rank, alpha, dropout, roles, sharing, split_qkv, trains)
        self.detach_norm = detach_norm

    def layer(self, *args) -> nn.Module:
        """Return an updated layer."""
        if self.sharing == SHARED:
            return DoRALinear(*args, detach_norm=self.detach_norm)
        return TaskDoRALinear(*args, tasks=len(self.tasks), detach_norm=self.detach_norm)

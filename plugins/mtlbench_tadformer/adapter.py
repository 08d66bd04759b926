"""TADFormer (Baek, Lee, Jo, Choi, Min, CVPR 2025)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone, Block, Site
from mtlbench.engine.sites import replace
from mtlbench.engine.streams import branch
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_tadformer.blocks import PromptedBlock, TaskBlock
from mtlbench_tadformer.filters import DynamicFilter, StaticFilter
from mtlbench_tadformer.linear import ConditionedLinear, LoRALinear, TaskLinear
from mtlbench_tadformer.prompts import TaskPrompts

FILTERS = {"dynamic": DynamicFilter, "static": StaticFilter}


class TADFormer(Adapter):
    """Add task prompts, and shared low-rank updates that filters make each task's own at the end of stages.

    One prompt per task travels with the patches. Every linear layer of a block gets an update that all tasks
    share; in each stage's last block `proj`, `fc1` and `fc2` filter it for each task, `proj` after the task's
    prompt has weighed its input, and a gate per stage adds what the prompt weighed.

    Args:
        tasks: names of the tasks.
        rank: r of the updates, and channels of the filters.
        scale: s, a plain multiplier of every update.
        dropout: probability that an input element of a shared update is dropped in training.
        filter: `dynamic`, generated for each map from itself, or `static`, one learned filter per task; see
            `DynamicFilter` and `StaticFilter`.
        trains: roles of the backbone's own parameters that train besides.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 64,
        scale: float = 4.0,
        dropout: float = 0.05,
        filter: str = "dynamic",
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        if filter not in FILTERS:
            hint = did_you_mean(str(filter), FILTERS)
            raise MtlbenchError(
                f"tadformer has no filter {filter!r}: choose one of {', '.join(FILTERS)}.{hint}"
            )
        self.rank, self.trains = rank, tuple(trains)
        self._filter = partial(FILTERS[filter], tasks=len(self.tasks), rank=rank)
        self._options = {"rank": rank, "scale": scale, "dropout": dropout}

    def attach(self, backbone: Backbone) -> None:
        """Replace linear layers and blocks, bring the prompts, and send task streams to the decoder."""
        sites = backbone.sites()
        last_stage = max(site.stage for site in sites)
        widths = [
            backbone.get_submodule(site.path).in_features
            for site in sites
            if site.role == "qkv" and site.block == 0
        ]

        def wrap(block: Block, site: Site) -> nn.Module:
            return TaskBlock(block, site.stage == last_stage) if site.last else PromptedBlock(block)

        self._sites = replace(backbone, ("qkv", "proj", "fc1", "fc2"), self._layer)
        replace(backbone, ("block",), wrap)
        backbone.tokens = TaskPrompts(len(self.tasks), widths)
        backbone.branch = partial(branch, tasks=len(self.tasks))

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> {"shared": rank}."""
        return {path: {"shared": self.rank} for path in self._sites}

    def _layer(self, frozen: nn.Linear, site: Site) -> nn.Module:
        if not site.last or site.role == "qkv":
            return LoRALinear(frozen, **self._options)
        kind = ConditionedLinear if site.role == "proj" else TaskLinear
        return kind(frozen, self._filter(), **self._options)

"""A re-implementation of Free Sinewich (Liu et al., CVPR 2026)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone, Site
from mtlbench.engine.streams import branch
from mtlbench_sinewich.clock import Clock
from mtlbench_sinewich.linear import LowRank, SharedLinear, SineLinear

SHARED = "shared"
PER_TASK = ("proj", "fc1", "fc2")
ROLES = ("qkv", *PER_TASK)


class Sinewich(Adapter):
    """Add one low-rank weight to every linear layer of a block, which tasks bend where streams leave.

    In the last block of each stage the same weight of `proj`, `fc1` and `fc2` updates the shared stream as it
    is, and that of each task through a sine of the task's frequency. Tasks read streams of their own, so the
    shared one ends in the very last `proj`.

    Args:
        tasks: names of the tasks.
        rank: r of the updates.
        scale: s, a plain multiplier of every update.
        frequency: f, the frequency that a task's learned factor ω_t multiplies; near 0 the update is linear.
        prompt: whether the task tokens also join the windows of the first stage, as the paper has it; then
            training doesn't start at the pretrained function.
        trains: roles of the backbone's own parameters that train besides.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 32,
        scale: float = 4.0,
        frequency: float = 100.0,
        prompt: bool = False,
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        self.rank, self.scale, self.frequency, self.prompt = rank, scale, frequency, prompt
        self.trains = tuple(trains)

    def attach(self, backbone: Backbone) -> None:
        """Replace the linear layers of blocks and fan the streams out in the last block of each stage."""
        sites = [site for site in backbone.sites() if site.role in ROLES]
        width = backbone.get_submodule(sites[0].path).in_features
        last_stage = max(site.stage for site in sites)
        clock = Clock(len(self.tasks), width, self.prompt)
        self._sites: dict[str, LowRank] = {}
        for site in sites:
            layer = self._layer(backbone.get_submodule(site.path), site, clock, site.stage == last_stage)
            backbone.set_submodule(site.path, layer)
            self._sites[site.path] = layer
        backbone.tokens = clock
        backbone.branch = partial(branch, tasks=len(self.tasks))

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> {"shared": rank}, the rank of M, before its sine."""
        return {path: {SHARED: layer.A.shape[0]} for path, layer in self._sites.items()}

    def _layer(self, frozen: nn.Linear, site: Site, clock: Clock, ends: bool) -> LowRank:
        if site.last and site.role in PER_TASK:
            return SineLinear(frozen, self.rank, self.scale, self.frequency, clock.frequencies, ends)
        return SharedLinear(frozen, self.rank, self.scale)

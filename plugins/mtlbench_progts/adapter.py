"""Progressive task-specific adaptation (Gangwar et al., AISTATS 2026)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.sites import replace
from mtlbench_progts.grouping import members, parents, partitions
from mtlbench_progts.linear import updated
from mtlbench_progts.streams import Branch, Widen


class ProgTS(Adapter):
    """Add low-rank updates to linear layers, one per group of tasks, with finer groups from stage to stage.

    A stage runs as many streams as it has groups, S = 1 while all tasks are one. A group that parts at a
    stage's first block hands its stream to each of its parts; the decoder gets every task its group's.

    Args:
        tasks: names of the tasks.
        groups: per stage `"shared"` (all tasks are one group), `"alone"` (each is its own), or lists of names
            that hold every task once. Tasks that parted stay apart.
        rank: r, inner size of every update.
        scale: s, a plain multiplier of every update.
        dropout: probability that an input element of an update is dropped in training.
        roles: which linear layers are updated, among `qkv`, `proj`, `fc1`, `fc2` and `reduction`.
        trains: roles of the backbone's own parameters that train too, shared by all tasks.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        groups: Sequence[str | Sequence[Sequence[str]]] = ("shared", "shared", "shared", "alone"),
        rank: int = 16,
        scale: float = 4.0,
        dropout: float = 0.05,
        roles: Collection[str] = ("qkv", "proj", "fc1", "fc2", "reduction"),
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        self.groups = partitions(self.tasks, groups)
        self.rank, self.scale, self.dropout = rank, scale, dropout
        self.roles, self.trains = tuple(roles), tuple(trains)

    def attach(self, backbone: Backbone) -> None:
        """Replace the linear layers, and part streams at the first block of a stage of finer groups."""
        sites = {site.path: site for site in backbone.sites()}
        layers = replace(
            backbone,
            self.roles,
            lambda layer, site: updated(
                layer, len(self.groups[site.stage]), self.rank, self.scale, self.dropout
            ),
        )
        self._groups = {path: self.groups[sites[path].stage] for path in layers}
        for site in sites.values():
            if site.role == "block" and site.block == 0 and site.stage > 0:
                coarse, fine = self.groups[site.stage - 1], self.groups[site.stage]
                if 1 < len(coarse) < len(fine):
                    block = backbone.get_submodule(site.path)
                    backbone.set_submodule(site.path, Widen(block, parents(coarse, fine)))
        tasks = len(self.tasks)
        backbone.branch = Branch(tasks, [members(partition, tasks) for partition in self.groups])

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> {"shared": rank}, or the rank of the update that each task passes there."""
        return {
            path: dict.fromkeys(("shared",) if len(groups) == 1 else self.tasks, self.rank)
            for path, groups in self._groups.items()
        }

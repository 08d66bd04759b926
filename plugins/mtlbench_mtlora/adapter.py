"""MTLoRA and MTLoRA+ (Agiza, Neseem, Reda, CVPR 2024)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone, Site
from mtlbench.engine.streams import branch
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_mtlora.linear import SHARED_MODES, MergeableLinear, MTLoRALinear
from mtlbench_mtlora.mlp import MTLoRAMlp, is_plain

SHARED = "shared"
PER_TASK = ("proj", "fc1", "fc2")


class MTLoRA(Adapter):
    """Add low-rank updates that all tasks share, and one per task where streams leave to the decoder.

    Every linear layer of a block gets a shared update; `proj`, `fc1` and `fc2` of each stage's last block get
    one more per task. A shared update of the very last `fc2` that no task reads would never see a gradient
    and isn't created.

    Args:
        tasks: names of the tasks.
        rank: r of the shared updates.
        task_rank: r of the updates of single tasks.
        scale: s, a plain multiplier of every update.
        dropout: probability that an input element of a shared update is dropped in training.
        shared_mode: what the shared stream and those of the tasks have in common, `matrix`, `matrixv2` or
            `addition`; see `MTLoRALinear`.
        plus: MTLoRA+: the `reduction` of each patch merging is frozen and gets a shared update, while in
            MTLoRA it trains as a whole.
        dead: create the shared update of the very last `fc2` all the same, as the release does, to count what
            it counts; it never sees a gradient.
        trains: roles of the backbone's own parameters that train besides.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 64,
        task_rank: int = 4,
        scale: float = 4.0,
        dropout: float = 0.05,
        shared_mode: str = "matrix",
        plus: bool = False,
        dead: bool = False,
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        if shared_mode not in SHARED_MODES:
            hint = did_you_mean(str(shared_mode), SHARED_MODES)
            raise MtlbenchError(
                f"mtlora has no shared_mode {shared_mode!r}: choose one of {', '.join(SHARED_MODES)}.{hint}"
            )
        if SHARED in self.tasks:
            raise MtlbenchError(f"mtlora calls the stream of all tasks {SHARED!r}: rename that task.")
        self.dead = dead
        self.trains = tuple(trains) if plus else (*trains, "reduction")
        self.roles = ("qkv", *PER_TASK, "reduction") if plus else ("qkv", *PER_TASK)
        self._mergeable = shared_mode == "matrixv2"
        options = {"rank": rank, "task_rank": task_rank, "scale": scale, "dropout": dropout}
        self._options = {**options, "mode": shared_mode}

    def attach(self, backbone: Backbone) -> None:
        """Replace the linear layers and fan the streams out in the last block of each stage."""
        sites = backbone.sites()
        last_stage = max(site.stage for site in sites)
        self._sites: dict[str, MTLoRALinear] = {}
        for site in sites:
            if site.role in self.roles:
                tasks = len(self.tasks) if _specialises(site) else 0
                ends = site.role == "fc2" and _specialises(site) and site.stage == last_stage
                kind = MTLoRALinear if tasks and not self._mergeable else MergeableLinear
                ends = ends and not self.dead
                layer = kind(backbone.get_submodule(site.path), tasks, ends=ends, **self._options)
                backbone.set_submodule(site.path, layer)
                self._sites[site.path] = layer
        for site in sites:
            mlp = backbone.get_submodule(site.path)
            if site.role == "mlp" and site.last and is_plain(mlp):
                backbone.set_submodule(site.path, MTLoRAMlp(mlp.fc1, mlp.act, mlp.fc2))
        backbone.branch = partial(branch, tasks=len(self.tasks))

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> stream -> rank."""
        ranks: dict[str, dict[str, int]] = {}
        for path, layer in self._sites.items():
            ranks[path] = {} if layer.shared is None else {SHARED: layer.shared.rank}
            ranks[path] |= {} if layer.task is None else dict.fromkeys(self.tasks, layer.task.rank)
        return ranks


def _specialises(site: Site) -> bool:
    """Return whether tasks have updates of their own there."""
    return site.last and site.role in PER_TASK

"""Performance-driven rank shrinking, the adapter of FAAR (Fontana, Spratling, Shi, CVPR 2026)."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from mtlbench.contracts.adapter import Adapter, Selection
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.streams import branch
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_faar.linear import SHARED, NestedDoRA, NestedLinear, NestedLoRA
from mtlbench_faar.scores import kept_slots, slot_scores

ADAPTED = ("qkv", "proj", "fc1", "fc2", "reduction")
PER_TASK = ("proj", "fc1", "fc2")


class FAAR(Adapter):
    """Add low-rank updates whose ranks shrink to what each location and task needs (PDRS).

    Every linear layer of a block and every reduction gets a shared update; `proj`, `fc1` and `fc2` of each
    stage's last block get one more per task. The update of the shared stream in the very last `fc2` would
    never see a gradient and isn't created.

    Args:
        tasks: names of the tasks.
        variant: `dora` (direction and magnitude, the published row) or `lora`.
        rank: R, slots per location and stream at the start.
        scale: s, a plain multiplier of the update.
        dropout: probability that an input element of an update is dropped in training.
        rms_scale: `lora` only: multiply the update by the RMS of each token's frozen output.
        rho: ρ, share of the importance that the kept slots must reach.
        margin: slots kept beyond those.
        floor: the least number of slots kept.
        beta: β, decay of the moving average of importance.
        warmup_epochs: epochs before the first shrinking.
        explore: probability of drawing b from U{1..R} instead of U{1..cap}; what is gone then counts as cap.
        magnitude_rate: `dora` only: how fast magnitudes follow θ.
        regulariser: `dora` only: weight of the penalty that keeps magnitudes near the frozen ones.
        recalibration: training batches on which batch norms are estimated anew before evaluation, because
            training runs with random ranks and evaluation with all; 0 keeps the running statistics.
        trains: roles of the backbone's own parameters that train too.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        variant: Literal["dora", "lora"] = "dora",
        rank: int = 64,
        scale: float = 4.0,
        dropout: float = 0.05,
        rms_scale: bool = False,
        rho: float = 0.95,
        margin: int = 1,
        floor: int = 2,
        beta: float = 0.98,
        warmup_epochs: int = 0,
        explore: float = 0.0,
        magnitude_rate: float = 0.1,
        regulariser: float = 1e-4,
        recalibration: int = 16,
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
    ) -> None:
        super().__init__(tasks)
        layers = {
            "dora": partial(NestedDoRA, magnitude_rate=magnitude_rate),
            "lora": partial(NestedLoRA, rms_scale=rms_scale),
        }
        if variant not in layers:
            hint = did_you_mean(str(variant), layers)
            raise MtlbenchError(f"faar has no variant {variant!r}: choose 'dora' or 'lora'.{hint}")
        if SHARED in self.tasks:
            raise MtlbenchError(f"faar calls the stream of all tasks {SHARED!r}: rename that task.")
        self.trains, self.recalibration = tuple(trains), recalibration
        self.rank, self.explore, self.beta, self.warmup_epochs = rank, explore, beta, warmup_epochs
        self.rho, self.margin, self.floor, self.regulariser = rho, margin, floor, regulariser
        self._layer = partial(layers[variant], rank=rank, scale=scale, dropout=dropout)

    def attach(self, backbone: Backbone) -> None:
        """Replace the linear layers and fan the streams out in the last block of each stage."""
        sites = backbone.sites()
        last_stage = max(site.stage for site in sites)
        self._sites: dict[str, NestedLinear] = {}
        for site in sites:
            if site.role in ADAPTED:
                tasks = self.tasks if site.last and site.role in PER_TASK else ()
                dead = site.last and site.stage == last_stage and site.role == "fc2"
                layer = self._layer(backbone.get_submodule(site.path), tasks, shared=not dead)
                backbone.set_submodule(site.path, layer)
                self._sites[site.path] = layer
        backbone.branch = partial(branch, tasks=len(self.tasks))

    def penalty(self) -> Tensor | None:
        """Return the regulariser 1e-4 · mean((m / ‖W0‖ − 1)²), summed over locations and streams (`dora`)."""
        layers = [layer for layer in self._sites.values() if isinstance(layer, NestedDoRA)]
        if not layers:
            return None
        means = [layer.log_magnitude().expm1().square().mean(1).sum() for layer in layers]
        return self.regulariser * torch.stack(means).sum()

    def before_step(self, seed: int) -> None:
        """Draw the prefix b of every location and stream."""
        rng = random.Random(seed)
        for layer in self._sites.values():
            layer.draw(rng, self.rank, self.explore)

    def after_backward(self) -> None:
        """Fold the importance of every slot into its moving average."""
        slots = [
            (layer, key)
            for layer in self._sites.values()
            for key in layer.streams.values()
            if layer.A[key].grad is not None  # a task that no image of the step is labelled for
        ]
        if not slots:  # a step whose images have no label at all
            return
        scores = slot_scores([(layer.A[key], layer.B[key]) for layer, key in slots])
        for (layer, key), score in zip(slots, scores, strict=True):
            average = layer.get_buffer(f"score_{key}")
            average.lerp_(score.to(average), 1 - self.beta)

    def after_epoch(self, epoch: int) -> list[Selection]:
        """Keep the slots that carry ρ of the importance, best first."""
        if epoch < self.warmup_epochs:
            return []
        selections = []
        for layer in self._sites.values():
            for key in layer.streams.values():
                score = layer.get_buffer(f"score_{key}")
                index = kept_slots(score, self.rho, self.margin, self.floor)
                setattr(layer, f"score_{key}", score[index])
                selections += [Selection(layer.A[key], 0, index), Selection(layer.B[key], 1, index)]
        return selections

    def structure(self) -> dict[str, Any]:
        """Return location -> stream -> number of slots."""
        return self.rank_map()

    def restore(self, structure: dict[str, Any]) -> None:
        """Give A, B and the averages the numbers of slots of a checkpoint."""
        if _streams(structure) != _streams(self.rank_map()):
            raise MtlbenchError(
                "the checkpoint's rank map has other locations or tasks than this model: "
                "resume with the backbone, the tasks and the adapter it was saved with."
            )
        for path, ranks in structure.items():
            self._sites[path].resize(ranks)

    def rank_map(self) -> dict[str, dict[str, int]]:
        """Return location -> stream -> number of slots, which is the rank in evaluation."""
        return {path: layer.ranks() for path, layer in self._sites.items()}


def _streams(rank_map: dict[str, dict[str, int]]) -> dict[str, set[str]]:
    return {path: set(ranks) for path, ranks in rank_map.items()}

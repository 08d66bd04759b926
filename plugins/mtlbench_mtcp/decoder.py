"""The trace-back decoder of MT-CP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench.engine.streams import fold, unfold
from mtlbench.errors import MtlbenchError
from mtlbench_mtcp.cfm import CoherenceFusion
from mtlbench_mtcp.heads import Heads
from mtlbench_mtcp.pyramid import FeaturePyramid
from mtlbench_mtcp.srm import TraceBack
from mtlbench_mtcp.stages import Stages

VARIANTS = ("released", "figure")


class UnknownVariant(MtlbenchError):
    """Say which variants exist."""

    def __init__(self, variant: object) -> None:
        super().__init__(
            f"variant={variant!r} is not one of {', '.join(VARIANTS)}; take one of these, or leave it out."
        )


class MTCP(Decoder):
    """Encode each task in stages, fuse tasks by affinity, and trace the result back from coarse to fine.

    Source: Fontana, Spratling, Shi, WACV 2025, arXiv 2412.03179, and its public code. The four levels become
    one feature R of the size of the finest (`FeaturePyramid`). Each task encodes R in `Stages` with a
    pyramid X_t over them; CFM fuses the X_t, `CoherenceFusion`; SRMs lead the result back through the
    stages, `TraceBack`, and from the last one's features the task is predicted. Nothing depends on the order
    of `tasks`: inside, they are sorted by name.

    While training, further predictions are supervised, each with its task's loss:
    `released` - from the first two SRMs, as in the public code, weight `intermediate_weight`;
    `figure` - from the CFM's output, the paper's *initial* prediction, weight `initial_weight`.

    Args:
        width: channels w of R, X_t and all that is predicted from; the stages have w, 2w and 4w.
        depths, heads: blocks and attention heads of each stage.
        window: side of the stages' attention windows, in pixels.
        cfm: fuse tasks; otherwise X_t goes on alone.
        srm: trace back; otherwise the CFM's output is predicted from, and nothing else.
        head_width: hidden channels of the heads that predict; `width` by default.

    Raises:
        UnknownVariant: `variant` is neither.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        variant: str = "released",
        width: int = 256,
        depths: Sequence[int] = (1, 2, 1),
        heads: Sequence[int] = (2, 2, 2),
        window: int = 7,
        cfm: bool = True,
        srm: bool = True,
        intermediate_weight: float = 0.5,
        initial_weight: float = 1.0,
        head_width: int | None = None,
    ) -> None:
        super().__init__(tasks, channels)
        if variant not in VARIANTS:
            raise UnknownVariant(variant)
        self.variant = variant
        self.weights = {"released": intermediate_weight, "figure": initial_weight}
        ordered = {task: self.tasks[task] for task in sorted(self.tasks)}
        self.positions = [list(self.tasks).index(task) for task in ordered]
        count, stages = len(ordered), [width * 2**i for i in range(len(depths))]
        self.shared = FeaturePyramid(1, self.channels, width, norm=True)
        self.stages = Stages(count, stages, depths, heads, window)
        self.pyramid = FeaturePyramid(count, stages, width)
        self.cfm = CoherenceFusion(count, width) if cfm else None
        self.trace_back = TraceBack(count, width, stages) if srm else None
        self.final = Heads(ordered, width, head_width or width)
        early = 0 if not srm else 1 if variant == "figure" else len(stages) - 1
        self.early = nn.ModuleList(Heads(ordered, width, head_width or width) for _ in range(early))

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), each of S = T or 1, at the size of the first."""
        streams = max(level.shape[0] for level in levels)
        levels = [
            level.expand(streams, *level.shape[1:]) if level.shape[0] == 1 else level[self.positions]
            for level in levels
        ]
        shared = unfold(self.shared([fold(level.movedim(2, -1))[None] for level in levels])[0], streams)
        stages = self.stages(shared)
        fused = self.pyramid(stages)
        if self.cfm is not None:
            fused = self.cfm(fused)
        if self.trace_back is None:
            return Decoded(self._named(self.final(fused)))
        *coarse, finest = self.trace_back(fused, stages)
        early = [fused] if self.variant == "figure" else coarse
        weight = self.weights[self.variant]
        auxiliary = tuple(
            (weight, self._named(heads(features)))
            for heads, features in zip(self.early, early, strict=True)
            if self.training
        )
        return Decoded(self._named(self.final(finest)), auxiliary)

    def _named(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give maps in the order of the decoder's tasks."""
        return {task: maps[task] for task in self.tasks}

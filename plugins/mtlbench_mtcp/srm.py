"""SRM and the trace back: refine fused features with a task's own, from the coarsest stage to the finest."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import resize
from mtlbench_mtcp.cbam import CBAM
from mtlbench_mtcp.layers import Norm, TaskLinear


class SpatialRefinement(nn.Module):
    """Join what is traced back with a stage's features, both after CBAM, to features of `outputs` channels.

    ReLU(BN(W [resize(CBAM(traced)), CBAM(stage)])). A 1x1 convolution commutes with resizing, so the traced
    features are convolved at the smaller of both resolutions.
    """

    def __init__(self, tasks: int, traced: int, stage: int, outputs: int) -> None:
        super().__init__()
        self.cbam_traced, self.cbam_stage = CBAM(tasks, traced), CBAM(tasks, stage)
        self.from_traced = TaskLinear(tasks, traced, outputs, bias=False)
        self.from_stage = TaskLinear(tasks, stage, outputs, bias=False)
        self.norm = Norm(tasks, outputs)

    def forward(self, traced: Tensor, stage: Tensor) -> Tensor:
        """Join (T, B, h, w, C) and (T, B, H, W, c) to (T, B, H, W, outputs)."""
        size, gated = stage.shape[2:4], self.cbam_traced(traced)
        if traced.shape[2:4].numel() > size.numel():
            joined = self.from_traced(_resize(gated, size))
        else:
            joined = _resize(self.from_traced(gated), size)
        return F.relu(self.norm(joined + self.from_stage(self.cbam_stage(stage))))


class TraceBack(nn.Module):
    """Lead the fused features back through the stages, and yield `width` channels to predict from at each.

    What a refinement yields is cut in two: features to predict from, and features as wide as its stage, which
    go on to the next finer one. The finest yields only the former.
    """

    def __init__(self, tasks: int, width: int, stages: Sequence[int]) -> None:
        super().__init__()
        self.width = width
        coarse_first = stages[::-1]
        self.refinements = nn.ModuleList(
            SpatialRefinement(tasks, traced, stage, width + (stage if i + 1 < len(stages) else 0))
            for i, (traced, stage) in enumerate(zip((width, *coarse_first), coarse_first, strict=False))
        )

    def forward(self, fused: Tensor, stages: Sequence[Tensor]) -> list[Tensor]:
        """Return features (T, B, h, w, width) per stage, coarsest first."""
        traced, features = fused, []
        for refine, stage in zip(self.refinements, reversed(stages), strict=True):
            refined = refine(traced, stage)
            features.append(refined[..., : self.width])
            traced = refined[..., self.width :]
        return features


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return resize(x.movedim(-1, 2), size).movedim(2, -1)

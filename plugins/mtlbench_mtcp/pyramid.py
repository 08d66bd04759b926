"""Fuse feature levels from coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.streams import fold, unfold
from mtlbench_mtcp.layers import Norm, TaskLinear


class FeaturePyramid(nn.Module):
    """Project levels to `width`, add coarser ones to finer by nearest neighbours, smooth the finest by 3x3.

    `norm` puts a batch norm behind every projection, in place of a bias: levels of a backbone may be mostly
    constant over pixels, which the sum would drown in.
    """

    def __init__(self, tasks: int, channels: Sequence[int], width: int, norm: bool = False) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(TaskLinear(tasks, inputs, width, bias=not norm) for inputs in channels)
        self.norms = nn.ModuleList(Norm(tasks, width) if norm else nn.Identity() for _ in channels)
        self.smooth = nn.Conv2d(tasks * width, tasks * width, 3, padding=1, groups=tasks)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Fuse levels (T, B, h, w, c), finest first, to (T, B, H, W, width)."""
        fused: Tensor | None = None
        for level, lateral, norm in zip(
            reversed(levels), reversed(self.laterals), reversed(self.norms), strict=True
        ):
            finer = norm(lateral(level))
            fused = finer if fused is None else finer + enlarge(fused, finer.shape[2:4])
        tasks = fused.shape[0]
        merged = fused.permute(1, 0, 4, 2, 3).flatten(1, 2)
        return self.smooth(merged).unflatten(1, (tasks, -1)).permute(1, 0, 3, 4, 2)


def enlarge(x: Tensor, size: Sequence[int]) -> Tensor:
    """Resize x (T, B, h, w, C) to `size` (H, W), each pixel as its nearest."""
    return unfold(F.interpolate(fold(x).movedim(-1, 1), tuple(size)).movedim(1, -1), x.shape[0])

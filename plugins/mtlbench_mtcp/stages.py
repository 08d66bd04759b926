"""The Swin-style stages of every task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_mtcp.layers import TaskLayerNorm, TaskLinear
from mtlbench_mtcp.windows import WindowAttention


class Stages(nn.Module):
    """Encode a feature per task in stages, each but the first at half the resolution and twice the width.

    Source: Liu et al., Swin Transformer, ICCV 2021. Within a stage, every second block has shifted windows;
    every stage's output is normalised.
    """

    def __init__(
        self, tasks: int, widths: Sequence[int], depths: Sequence[int], heads: Sequence[int], window: int
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                Block(tasks, width, count, window, shift=window // 2 * (i % 2)) for i in range(depth)
            )
            for width, depth, count in zip(widths, depths, heads, strict=True)
        )
        self.norms = nn.ModuleList(TaskLayerNorm(tasks, width) for width in widths)
        self.merges = nn.ModuleList(PatchMerging(tasks, width) for width in widths[:-1])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Encode (T or 1, B, H, W, w) as features (T, B, h, w, c), finest first."""
        features = []
        for i, (blocks, norm) in enumerate(zip(self.blocks, self.norms, strict=True)):
            if i > 0:
                x = self.merges[i - 1](x)
            for block in blocks:
                x = block(x)
            features.append(norm(x))
        return features


class Block(nn.Module):
    """Add attention in windows, then a two-layer perceptron of four times the width."""

    def __init__(self, tasks: int, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.norm1 = TaskLayerNorm(tasks, width)
        self.attn = WindowAttention(tasks, width, heads, window, shift)
        self.norm2 = TaskLayerNorm(tasks, width)
        self.fc1 = TaskLinear(tasks, width, 4 * width)
        self.fc2 = TaskLinear(tasks, 4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (T or 1, B, H, W, C) to (T, B, H, W, C)."""
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class PatchMerging(nn.Module):
    """Join 2x2 pixels, normalise, and map 4C channels to 2C; odd sizes are filled up with zeros."""

    def __init__(self, tasks: int, width: int) -> None:
        super().__init__()
        self.norm = TaskLayerNorm(tasks, 4 * width)
        self.reduction = TaskLinear(tasks, 4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (T, B, H, W, C) to (T, B, ⌈H/2⌉, ⌈W/2⌉, 2C)."""
        pads = (0, x.shape[3] % 2, 0, x.shape[2] % 2)
        if any(pads):
            x = F.pad(x, (0, 0, *pads))
        corners = [x[:, :, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, -1)))

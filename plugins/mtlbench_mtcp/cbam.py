"""CBAM: weight channels, then pixels, of every task's features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_mtcp.layers import Norm, TaskLinear


class CBAM(nn.Module):
    """Gate channels by their mean and maximum over pixels, then pixels by theirs over channels.

    x ← x σ(mlp(mean x) + mlp(max x)), then x ← x σ(BN(conv7x7[max_c x, mean_c x])). The hidden layer has a
    16th of the channels, but at least four units: one or two are soon dead for good. Source: Woo et al.,
    ECCV 2018.
    """

    def __init__(self, tasks: int, channels: int) -> None:
        super().__init__()
        hidden = max(4, channels // 16)
        self.squeeze = TaskLinear(tasks, channels, hidden)
        self.excite = TaskLinear(tasks, hidden, channels)
        self.spatial = nn.Conv2d(2 * tasks, tasks, 7, padding=3, groups=tasks, bias=False)
        self.norm = Norm(tasks, 1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Gate (T, B, H, W, C)."""
        pixels = x.flatten(2, 3)
        pooled = torch.stack([pixels.mean(2), pixels.max(2).values], 2)
        x = x * self.excite(F.relu(self.squeeze(pooled))).sum(2).sigmoid()[:, :, None, None]
        pooled = torch.stack([x.max(-1).values, x.mean(-1)], 2)
        gate = self.spatial(pooled.movedim(0, 1).flatten(1, 2)).movedim(1, 0)[..., None]
        return x * self.norm(gate).sigmoid()

"""Depth-wise 3x3 filters over the channels of a low-rank update, for all tasks at once."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StaticFilter(nn.Module):
    """Filter every task's maps with kernels of its own: (T, n, h, w, r) -> (T, n, h, w, r), zeros around.

    As the release does it. `kernel` is (T, r, 3, 3), `bias` (T·r,), both start as in `nn.Conv2d`.
    """

    def __init__(self, tasks: int, rank: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(tasks, rank, 3, 3).uniform_(-1 / 3, 1 / 3))
        self.bias = nn.Parameter(torch.empty(tasks * rank).uniform_(-1 / 3, 1 / 3))

    def forward(self, maps: Tensor) -> Tensor:
        tasks, rank = self.kernel.shape[:2]
        channels = maps.permute(1, 0, 4, 2, 3).flatten(1, 2)  # (n, T·r, h, w)
        kernel = self.kernel.flatten(0, 1)[:, None]
        filtered = F.conv2d(channels, kernel, self.bias, padding=1, groups=tasks * rank)
        return filtered.unflatten(1, (tasks, rank)).permute(1, 0, 3, 4, 2)


class DynamicFilter(nn.Module):
    """Filter every map with kernels made of itself: (T, n, h, w, r) -> (T, n, h, w, r), zeros around.

    As the paper does it, with the filter normalisation of Zhou et al. (CVPR 2021, arXiv 2104.14107):
    K = `std` ⊙ normalise(`kernels`(mean of the map)) + `mean`, each channel's nine values normalised to mean
    0 and deviation 1. One generator serves all tasks, whose maps differ.
    """

    def __init__(self, tasks: int, rank: int) -> None:
        super().__init__()
        self.kernels = nn.Linear(rank, 9 * rank)
        self.std = nn.Parameter(torch.randn(9 * rank) * (math.sqrt(2) / 3))
        self.mean = nn.Parameter(torch.randn(9 * rank))

    def forward(self, maps: Tensor) -> Tensor:
        outer, rank = maps.shape[:2], maps.shape[-1]
        channels = maps.movedim(-1, 2)
        # normalising amplifies what rounding leaves of nine values that are nearly equal
        with torch.autocast(maps.device.type, enabled=False):
            raw = self.kernels(channels.mean((-2, -1), dtype=self.std.dtype)).unflatten(-1, (rank, 9))
            variance, mean = torch.var_mean(raw, -1, keepdim=True)
            unit = (raw - mean) * variance.rsqrt()
            kernel = self.std * unit.flatten(-2) + self.mean
        filtered = F.conv2d(
            channels.reshape(1, -1, *maps.shape[2:4]),
            kernel.to(maps.dtype).reshape(-1, 1, 3, 3),
            padding=1,
            groups=kernel.numel() // 9,
        )
        return filtered.view(*outer, rank, *maps.shape[2:4]).movedim(2, -1)

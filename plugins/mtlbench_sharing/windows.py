"""Attention within windows, per task, from each of several sources."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_sharing.tokens import TaskLinear


class WindowAttention(nn.Module):
    """Mix a task's values within windows by attention that sources define: softmax(Q_s K_sᵀ/√d + B) V.

    B is a learned bias per head and relative position (Liu et al., Swin Transformer, ICCV 2021). Keys have no
    bias, which the softmax would cancel.
    """

    def __init__(self, tasks: int, width: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.heads, self.side, self.shift = heads, side, shift
        self.query = TaskLinear(tasks, width, width)
        self.key = TaskLinear(tasks, width, width, bias=False)
        self.value, self.project = TaskLinear(tasks, width, width), TaskLinear(tasks, width, width)
        table = torch.empty(tasks, heads, (2 * side - 1) ** 2)
        self.table = nn.Parameter(nn.init.trunc_normal_(table, std=0.02))
        self.register_buffer("offset", _offsets(side), persistent=False)

    def forward(self, sources: Tensor, values: Tensor) -> Tensor:
        """Map sources (T or 1, S, B, H, W, C) and values (T or 1, B, H, W, C) to (T, S, B, H, W, C)."""
        windows = Windows(values.shape[-3:-1], self.side, self.shift)
        q, k, v = (
            windows.cut(layer(x)).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
            for layer, x in ((self.query, sources), (self.key, sources), (self.value, values[:, None]))
        )
        scores = (q * q.shape[-1] ** -0.5) @ k.mT
        scores = scores + self.table[:, None, None, None, :, self.offset].to(scores.dtype)
        scores = scores.masked_fill(windows.outside(scores.device)[:, None, None], -torch.inf)
        mixed = scores.softmax(-1).to(v.dtype) @ v
        return self.project(windows.join(mixed.transpose(-3, -2).flatten(-2)))


class Windows:
    """Cut maps into squares, laid from the top left corner, or from `side - shift` pixels outside of it.

    Pixels are grouped as by Swin's cyclic shift with its mask. Sizes need not divide: windows are filled up.
    """

    def __init__(self, size: Sequence[int], side: int, shift: int) -> None:
        self.size, self.side = tuple(size), side
        self.before = side - shift if shift else 0
        self.counts = [-(-(length + self.before) // side) for length in size]
        after = [count * side - self.before - length for count, length in zip(self.counts, size, strict=True)]
        self.pads = (0, 0, self.before, after[1], self.before, after[0])

    def cut(self, x: Tensor) -> Tensor:
        """Cut (..., H, W, C) into (..., windows, side², C)."""
        rows, columns = self.counts
        x = F.pad(x, self.pads).unflatten(-2, (columns, self.side)).unflatten(-4, (rows, self.side))
        return x.transpose(-4, -3).flatten(-3, -2).flatten(-4, -3)

    def join(self, x: Tensor) -> Tensor:
        """Join (..., windows, side², C) to (..., H, W, C)."""
        x = x.unflatten(-3, self.counts).unflatten(-2, (self.side, self.side)).transpose(-4, -3)
        x = x.flatten(-5, -4).flatten(-3, -2)
        height, width = self.size
        return x[..., self.before : self.before + height, self.before : self.before + width, :]

    def outside(self, device: torch.device) -> Tensor:
        """Say which pixels of the windows (windows, side²) lie outside the map."""
        return self.cut(torch.ones(*self.size, 1, device=device))[..., 0] == 0


def _offsets(side: int) -> Tensor:
    """Index the offsets between any two of a window's pixels, (side², side²)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    rows, columns = rows.flatten(), columns.flatten()
    down, right = rows[:, None] - rows + side - 1, columns[:, None] - columns + side - 1
    return down * (2 * side - 1) + right

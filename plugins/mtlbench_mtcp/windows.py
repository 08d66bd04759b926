"""Attention within windows, per task."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_mtcp.layers import TaskLinear


class WindowAttention(nn.Module):
    """Let every pixel attend to its window, with a learned bias per head and relative position.

    Windows are squares of `window` pixels, laid from the top left corner, or from `window - shift` pixels
    outside it. What of them lies outside the map is masked, so sizes need not divide, and pixels are grouped
    as by a cyclic shift with its mask.
    """

    def __init__(self, tasks: int, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.outside = window - shift if shift else 0
        self.qkv = TaskLinear(tasks, width, 3 * width)
        self.proj = TaskLinear(tasks, width, width)
        self.table = nn.Parameter(torch.empty(tasks, heads, (2 * window - 1) ** 2))
        nn.init.trunc_normal_(self.table, std=0.02)
        self.register_buffer("offset", _offsets(window), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (T or 1, B, H, W, C) to (T, B, H, W, C)."""
        size, side, before = x.shape[2:4], self.window, self.outside
        rows, columns = (-(-(length + before) // side) for length in size)
        pads = [before, columns * side - before - size[1], before, rows * side - before - size[0]]
        qkv = self.qkv(x)
        if any(pads):
            qkv = F.pad(qkv, [0, 0, *pads])
        tasks, batch = qkv.shape[:2]
        qkv = qkv.view(tasks, batch, rows, side, columns, side, 3, self.heads, -1)
        # batch first, and tasks, windows and heads as one axis: the bias is the same for every image
        q, k, v = qkv.permute(6, 1, 0, 2, 4, 7, 3, 5, 8).flatten(6, 7).flatten(2, 5).unbind()
        # not fused: kernels for CPUs take no bias that trains, and their products aren't counted
        scores = (q * q.shape[-1] ** -0.5) @ k.mT
        scores += self._bias(pads, size, q.dtype)
        mixed = scores.softmax(-1).to(v.dtype) @ v
        mixed = mixed.view(batch, tasks, rows, columns, self.heads, side, side, -1)
        mixed = mixed.permute(1, 0, 2, 5, 3, 6, 4, 7).reshape(tasks, batch, rows * side, columns * side, -1)
        if any(pads):
            mixed = mixed[:, :, before : before + size[0], before : before + size[1]]
        return self.proj(mixed)

    def _bias(self, pads: list[int], size: torch.Size, dtype: torch.dtype) -> Tensor:
        """Return what is added to the scores, (T·windows·heads, L, L): the table's bias, -inf outside."""
        side = self.window
        inside = F.pad(self.table.new_ones(size), pads)
        inside = inside.unfold(0, side, side).unfold(1, side, side).flatten(2).flatten(0, 1)
        bias = self.table[:, None, :, self.offset].masked_fill(inside[:, None, None] == 0, -torch.inf)
        return bias.flatten(0, 2).to(dtype)


def _offsets(side: int) -> Tensor:
    """Index the offsets between any two of a window's pixels, (side², side²)."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    rows, columns = rows.flatten(), columns.flatten()
    row = rows[:, None] - rows + side - 1
    return row * (2 * side - 1) + columns[:, None] - columns + side - 1

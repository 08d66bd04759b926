"""MTFormer: tasks reason about each other by attention maps of all tasks on the values of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench.engine.streams import fold, unfold
from mtlbench_sharing.errors import UnevenHeads
from mtlbench_sharing.layers import Heads, conv_norm, merge
from mtlbench_sharing.levels import Fuse
from mtlbench_sharing.tokens import TaskLayerNorm, TaskMlp
from mtlbench_sharing.windows import WindowAttention


class MTFormer(Decoder):
    """Decode by Swin blocks that tasks share, blocks of their own, and blocks that look across tasks.

    Source: Xu, Zhao, Vineet, Lim, Torralba, MTFormer, ECCV 2022, and its public code; without its contrastive
    loss. Everything happens at the size of the second level.

    Args:
        width: channels of the features.
        heads: attention heads.
        window: side of the attention windows, in pixels.
        depth: blocks of each of the three kinds, every second with windows shifted by half a window.

    Raises:
        UnevenHeads: `width` is no multiple of `heads`.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        width: int = 256,
        heads: int = 4,
        window: int = 7,
        depth: int = 2,
    ) -> None:
        super().__init__(tasks, channels)
        if width % heads:
            raise UnevenHeads("width", width, heads)
        count = len(self.tasks)
        shifts = [window // 2 * (i % 2) for i in range(depth)]
        others = [[s for s in range(count) if s != t] for t in range(count)]
        self.register_buffer("others", torch.tensor(others, dtype=torch.long), persistent=False)
        self.fuse = Fuse(self.channels, width, at=1)
        self.shared = nn.Sequential(
            *(Block(1, width, heads, window, shift) for shift in shifts), TaskLayerNorm(1, width)
        )
        self.own = nn.Sequential(
            *(Block(count, width, heads, window, shift) for shift in shifts), TaskLayerNorm(count, width)
        )
        self.across = nn.ModuleList(CrossBlock(count, width, heads, window, shift) for shift in shifts)
        self.across_norm = TaskLayerNorm(count, width)
        self.hidden = nn.Sequential(conv_norm(count, width, width), nn.ReLU())
        self.final = Heads(self.tasks, width)

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), each of S = T or 1, at the size of the second."""
        fused = self.fuse(levels).movedim(2, -1)
        x = self.own(unfold(self.shared(fold(fused)[None])[0], fused.shape[0]))
        others = x[self.others]
        for block in self.across:
            x = block(x, others)
        return Decoded(self.final(self.hidden(merge(self.across_norm(x).movedim(-1, 2)))))


class Block(nn.Module):
    """Add attention in windows, then a two-layer perceptron of four times the width, both per task."""

    def __init__(self, tasks: int, width: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = TaskLayerNorm(tasks, width), TaskLayerNorm(tasks, width)
        self.attn = WindowAttention(tasks, width, heads, side, shift)
        self.mlp = TaskMlp(tasks, width, 4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (T or 1, B, H, W, C) to (T, B, H, W, C)."""
        normed = self.norm1(x)
        x = x + self.attn(normed[:, None], normed)[:, 0]
        return x + self.mlp(self.norm2(x))


class CrossBlock(nn.Module):
    """Add to a task's features x_t its values, as all tasks' attention mixes them; then a perceptron.

    M_s = attention with queries and keys of x_s and values of x_t, all by the weights of t;
    x_t ← x_t + M_t + join [own(M_t), other_s(M_s), ...], where what others give has C/(T-1) channels each.
    """

    def __init__(self, tasks: int, width: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        others, hidden = tasks - 1, tasks * width
        share = max(1, width // others) if others else 0
        self.norm1, self.norm2 = TaskLayerNorm(tasks, width), TaskLayerNorm(tasks, width)
        self.attn = WindowAttention(tasks, width, heads, side, shift)
        self.from_own = TaskMlp(tasks, width, hidden, width)
        self.from_others = TaskMlp(tasks * others, width, hidden, share) if others else None
        self.join = TaskMlp(tasks, width + others * share, hidden, width)
        self.mlp = TaskMlp(tasks, width, 4 * width, width)

    def forward(self, x: Tensor, others: Tensor) -> Tensor:
        """Map (T, B, H, W, C), with (T, T-1, B, H, W, C) of each task's others, to (T, B, H, W, C)."""
        normed = self.norm1(torch.cat([x[:, None], others], 1))
        maps = self.attn(normed, normed[:, 0])
        told = [self.from_own(maps[:, 0])]
        if self.from_others is not None:
            shares = self.from_others(fold(maps[:, 1:])).unflatten(0, others.shape[:2])
            told.append(shares.movedim(1, -2).flatten(-2))
        x = x + maps[:, 0] + self.join(torch.cat(told, -1))
        return x + self.mlp(self.norm2(x))

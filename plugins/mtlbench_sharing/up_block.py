"""The UP-transformer block of InvPT: attention over the pixels of all tasks that hands its scores on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import GlobalBatchNorm, resize
from mtlbench_sharing.layers import merge, split


class UpBlock(nn.Module):
    """Let the pixels of all tasks attend to those of all tasks, then apply a perceptron; both are added.

    Queries are the normed features after a depthwise 3x3 convolution of stride 2 and a batch norm, both per
    task; keys and values are their means over `pool`² pixels, so that there are as many in every stage. Their
    scores are mixed, by a 1x1 convolution over heads, with the scores of the stage before, resized over the
    queries' pixels. All other weights are shared by tasks. Source: Ye and Xu, InvPT, ECCV 2022.

    Keys have no bias, nor has the mixture of scores: the softmax cancels both.
    """

    def __init__(self, tasks: int, width: int, heads: int, pool: int, first: bool) -> None:
        super().__init__()
        self.tasks, self.heads, self.pool, self.scale = tasks, heads, pool, width**-0.5
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        merged = tasks * width
        self.shrink = nn.Conv2d(merged, merged, 3, stride=2, padding=1, groups=merged, bias=False)
        self.shrink_norm = GlobalBatchNorm(merged)
        self.query, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.mix = None if first else nn.Conv2d(2 * heads, heads, 1, bias=False)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        for layer in (self.query, self.key, self.value, self.project, self.mlp[0], self.mlp[2]):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, scores: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map (B, T·C, H, W) and the scores of the stage before to as much and the scores of this one.

        Scores are (B, heads, T, h, w, keys), with h, w the size of the shrunk queries.
        """
        features = split(x, self.tasks).movedim(2, -1)
        normed = merge(self.norm1(features).movedim(-1, 2))
        shrunk = self.shrink_norm(self.shrink(normed))
        pooled = F.avg_pool2d(normed, self.pool, ceil_mode=True)
        size = shrunk.shape[-2:]
        query, memory = self._pixels(shrunk), self._pixels(pooled)
        q, k, v = (
            layer(pixels).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, pixels in ((self.query, query), (self.key, memory), (self.value, memory))
        )
        found = (q * self.scale) @ k.mT
        if scores is not None:
            found = self.mix(torch.cat([found, self._resized(scores, size)], 1))
        mixed = (found.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2)
        mixed = self.project(mixed).unflatten(1, (self.tasks, *size)).movedim(-1, 2).flatten(1, 2)
        features = features + split(resize(mixed, x.shape[-2:]), self.tasks).movedim(2, -1)
        features = features + self.mlp(self.norm2(features))
        return merge(features.movedim(-1, 2)), found.unflatten(2, (self.tasks, *size))

    def _pixels(self, x: Tensor) -> Tensor:
        """List the pixels of all tasks, (B, T·C, h, w) -> (B, T·h·w, C)."""
        return x.unflatten(1, (self.tasks, -1)).movedim(2, -1).flatten(1, 3)

    def _resized(self, scores: Tensor, size: tuple[int, ...]) -> Tensor:
        """Resize scores (B, heads, T, h, w, keys) over the queries' pixels to (B, heads, T·H·W, keys)."""
        planes = resize(scores.flatten(0, 2).movedim(-1, 1), size)
        return planes.movedim(1, -1).unflatten(0, scores.shape[:3]).flatten(2, 4)

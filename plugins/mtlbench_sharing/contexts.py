"""Contexts of pairs of tasks: what a target's pixels find in a source's features, for P pairs at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_sharing.layers import conv_norm


class PairAttention(nn.Module):
    """Hold P pairs' projections of a target's features to queries and of a source's to keys and values.

    Queries and keys are two 1x1 convolutions with batch norm, a ReLU between and `last` behind, values
    are one with a ReLU. Source: Brüggemann et al., ATRC, ICCV 2021.

    What is found differs little from pixel to pixel, and a batch norm later on enlarges that, so products of
    rows are taken at least in float32.
    """

    def __init__(self, pairs: int, inputs: int, width: int, last: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.pairs, self.scale = pairs, width**-0.5
        self.query, self.key = (
            nn.Sequential(conv_norm(pairs, inputs, width), nn.ReLU(), conv_norm(pairs, width, width), last())
            for _ in range(2)
        )
        self.value = nn.Sequential(conv_norm(pairs, inputs, width), nn.ReLU())

    def rows(self, x: Tensor) -> Tensor:
        """List pixels, (B, P·C, H, W) -> (B, P, H·W, C), at least in float32."""
        rows = x.flatten(2).unflatten(1, (self.pairs, -1)).mT
        return rows.to(torch.promote_types(x.dtype, torch.float32))

    def maps(self, rows: Tensor, like: Tensor) -> Tensor:
        """Lay pixels out, (B, P, H·W, C) -> (B, P·C, H, W), with H, W those of `like`."""
        return rows.mT.flatten(1, 2).unflatten(2, like.shape[-2:])


class GlobalContext(PairAttention):
    """Attend to all pixels of the source by a kernel: (V Kᵀ) q / (Σ K · q), with softplus behind q and K."""

    def __init__(self, pairs: int, inputs: int, width: int) -> None:
        super().__init__(pairs, inputs, width, last=nn.Softplus)

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        """Map (B, P·C, H, W) twice to (B, P·A, H, W)."""
        projected = self.query(target), self.key(source), self.value(source)
        with torch.autocast(target.device.type, enabled=False):
            query, key, value = (self.rows(x) for x in projected)
            mass = query @ key.sum(2)[..., None]
            return self.maps(query @ (key.mT @ value) / mass, target)


class LocalContext(PairAttention):
    """Attend to the source's pixels in a square around each pixel, without those outside the map."""

    side = 9

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        """Map (B, P·C, H, W) twice to (B, P·A, H, W)."""
        query, key, value = self.query(target), self.key(source), self.value(source)
        scores = (query[:, :, None] * self._around(key)).unflatten(1, (self.pairs, -1)).sum(2) * self.scale
        outside = self._around(torch.ones_like(key[:1, :1])) == 0
        weights = scores.masked_fill(outside, -torch.inf).softmax(2)
        mixed = (weights[:, :, None] * self._around(value).unflatten(1, (self.pairs, -1))).sum(3)
        return mixed.flatten(1, 2).to(value.dtype)

    def _around(self, x: Tensor) -> Tensor:
        """Gather the square around every pixel, (B, C, H, W) -> (B, C, side², H, W)."""
        squares = F.unfold(x, self.side, padding=self.side // 2)
        return squares.unflatten(1, (x.shape[1], -1)).unflatten(3, x.shape[-2:])


class LabelContext(PairAttention):
    """Attend to the source's mean features in each of K regions, which a task's labels define."""

    def forward(self, target: Tensor, source: Tensor, regions: Tensor) -> Tensor:
        """Map (B, P·C, H, W) twice and regions (B, K, H·W), weights of sum 1 each, to (B, P·A, H, W)."""
        with torch.autocast(target.device.type, enabled=False):
            rows = self.rows(source)
            told = (regions[:, None].to(rows.dtype) @ rows).mT.flatten(1, 2)[..., None]
        projected = self.query(target), self.key(told), self.value(told)
        with torch.autocast(target.device.type, enabled=False):
            query, key, value = (self.rows(x) for x in projected)
            return self.maps(((query * self.scale) @ key.mT).softmax(-1) @ value, target)

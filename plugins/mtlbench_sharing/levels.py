"""Bring a backbone's four levels to the widths of a decoder, with weights that all tasks share."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import GlobalBatchNorm, resize
from mtlbench.engine.streams import per_image


class Neck(nn.Module):
    """Project every level on its own: ReLU(BN(W_l x_l)), with 1x1 convolutions to c_l channels."""

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), GlobalBatchNorm(width), nn.ReLU())
            for inputs, width in zip(channels, widths, strict=True)
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Project levels (S, B, C_l, h, w) to (S, B, c_l, h, w)."""
        return [per_image(project, level) for project, level in zip(self.levels, levels, strict=True)]


class Fuse(nn.Module):
    """Join all levels at the size of one, the finest by default: ReLU(BN(Σ_l resize(W_l x_l))).

    Equal to a 1x1 convolution of the resized and concatenated levels, with which resizing commutes.
    """

    def __init__(self, channels: Sequence[int], width: int, at: int = 0) -> None:
        super().__init__()
        self.at = at
        self.levels = nn.ModuleList(nn.Conv2d(inputs, width, 1, bias=False) for inputs in channels)
        self.norm = GlobalBatchNorm(width)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Join levels (S, B, C_l, h, w), each of S = T or 1, to (S, B, width, H, W)."""
        size = levels[self.at].shape[-2:]
        first, *others = (
            resize(per_image(conv, level), size) for conv, level in zip(self.levels, levels, strict=True)
        )
        joined = sum(others, first)
        return F.relu(per_image(self.norm, joined))

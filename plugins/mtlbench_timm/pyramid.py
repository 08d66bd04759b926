"""Bring a plain transformer's maps to four strides."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.streams import per_image


class Pyramid(nn.Module):
    """Turn four maps of one stride into levels of strides 4, 8, 16 and 32, with (d/4, d/2, d, d) channels.

    Each map is normalised; the first passes two 2x2 transposed convolutions of stride 2, the second one, the
    third none, and the fourth is max-pooled (after Li et al., ECCV 2022, who start all four from one map).
    Where patches are not 16 pixels wide, maps are first resized bilinearly to the grid of stride 16. It is
    not pretrained and always trains.
    """

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.channels = (width // 4, width // 2, width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.to4 = nn.Sequential(
            nn.ConvTranspose2d(width, width // 2, 2, 2),
            nn.GroupNorm(1, width // 2),
            nn.GELU(),
            nn.ConvTranspose2d(width // 2, width // 4, 2, 2),
        )
        self.to8 = nn.ConvTranspose2d(width, width // 2, 2, 2)
        self.to32 = nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, maps: Sequence[Tensor], image_size: Sequence[int]) -> list[Tensor]:
        """Turn four maps (S, B, h, w, d) of an image (H, W) into levels (S, B, C, h', w')."""
        first, second, third, fourth = (
            self._at16(norm(x).permute(0, 1, 4, 2, 3), image_size)
            for x, norm in zip(maps, self.norms, strict=True)
        )
        return [
            per_image(self.to4, first),
            per_image(self.to8, second),
            third,
            per_image(self.to32, fourth),
        ]

    def _at16(self, x: Tensor, image_size: Sequence[int]) -> Tensor:
        if self.patch == 16:
            return x
        grid = [-(-side // 16) for side in image_size]
        return per_image(lambda y: F.interpolate(y, grid, mode="bilinear", align_corners=False), x)

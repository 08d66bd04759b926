"""A small convolutional auto-encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_learners.pairs import plain


class AutoEncoder(nn.Module):
    """Encode maps (N, C, h, w) to a code of the last of `widths`, and decode them again."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.stem = plain(channels, widths[0])
        inputs = [widths[0], *widths]
        self.down = nn.ModuleList(
            nn.Sequential(plain(i, o, stride=2), plain(o, o)) for i, o in zip(inputs, widths, strict=False)
        )
        self.up = nn.ModuleList(plain(o, i) for i, o in zip(inputs, widths, strict=False))
        self.head = nn.Conv2d(widths[0], channels, 1)

    def forward(self, maps: Tensor, decode: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return the code (N, widths[-1], h / 2^stages, w / 2^stages) and the decoded maps, if wanted."""
        x, sizes = self.stem(maps), []
        for stage in self.down:
            sizes.append(x.shape[-2:])
            x = stage(x)
        code = x
        if not decode:
            return code, None
        for stage, size in zip(reversed(self.up), reversed(sizes), strict=True):
            x = stage(F.interpolate(x, size, mode="nearest-exact"))
        return code, self.head(x)

"""Frozen layers whose bias is shifted, by as many vectors as there are streams."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Shift(nn.Module):
    """Add a trained vector per stream to what a frozen layer puts out; b + shift is the trained bias.

    A linear layer or a norm takes (S or 1, B, ..., I) and returns (S, B, ..., O). A convolution embeds
    patches, (B, I, H, W) -> (S·B, O, h, w). `shift` (S·O,) starts from zero; it is flat, so it doesn't decay.
    """

    def __init__(self, frozen: nn.Module, streams: int) -> None:
        super().__init__()
        self.frozen, self.streams = frozen, streams
        self.shift = nn.Parameter(frozen.bias.new_zeros(streams * len(frozen.bias)))

    def forward(self, x: Tensor) -> Tensor:
        y = self.frozen(x)
        shift = self.shift.to(y.dtype).view(self.streams, -1)
        if isinstance(self.frozen, nn.Conv2d):
            # streams are folded before the sum, whose layout would decide for each size whether they can be
            return y.repeat(self.streams, 1, 1, 1) + shift.repeat_interleave(y.shape[0], 0)[..., None, None]
        return y + shift.view(self.streams, *[1] * (y.ndim - 2), -1)


class MergeableShift(Shift):
    """Shift the bias of a single stream, which can become the layer's own."""

    @torch.no_grad()
    def deployed(self) -> nn.Module:
        """Return the frozen layer with b + shift as its bias."""
        self.frozen.bias += self.shift
        return self.frozen

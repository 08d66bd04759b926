"""The HRNet-style decoder of the MTLoRA line: tasks decode their pyramids alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mtlbench.contracts.decoder import Decoded
from mtlbench.engine.pyramid_head import PyramidHead


class HRNet(PyramidHead):
    """Decode each task from its own projected pyramid.

    Per level a bias-free 1x1 convolution to c_l = `neck_channels` (18, 36, 72, 144), bilinear resizing to the
    finest level, concatenation, 1x1 convolution to 4Σc_l, batch norm, ReLU, 1x1 convolution to the outputs.
    """

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), S = T or 1, at the size of the first."""
        return Decoded(self.predict(self.project(levels)))

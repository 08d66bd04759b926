"""MTAN: every task attends to the shared levels, from fine to coarse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded
from mtlbench.engine.pyramid_head import PyramidHead
from mtlbench.engine.streams import fold, per_image, unfold
from mtlbench_sharing.layers import bottleneck, conv_norm, fan_out, merge, split


class MTAN(PyramidHead):
    """Mask the levels per task, in the sight of what the task took from the finer one, and decode them.

    Source: Liu, Johns, Davison, MTAN, CVPR 2019. The masks m_l = σ(BN(V ReLU(BN(U [x_l, e_{l-1}])))) have
    weights per task; e_l, a bottleneck of a_l = m_l ⊙ x_l, pooled to the size of the next level, has weights
    that tasks share. The masked levels a_l are decoded as by `hrnet`.

    Args:
        neck_channels: channels to which masked levels are projected, finest first.
        reduction: how many times fewer channels a mask's hidden layer has than its level.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        neck_channels: Sequence[int] = (18, 36, 72, 144),
        reduction: int = 4,
    ) -> None:
        super().__init__(tasks, channels, neck_channels)
        count = len(self.tasks)
        self.attention = nn.ModuleList(
            nn.Sequential(
                conv_norm(count, width if l == 0 else 2 * width, max(1, width // reduction)),
                nn.ReLU(),
                conv_norm(count, max(1, width // reduction), width),
                nn.Sigmoid(),
            )
            for l, width in enumerate(self.channels)  # noqa: E741
        )
        self.refine = nn.ModuleList(
            bottleneck(1, width, coarser)
            for width, coarser in zip(self.channels[:-1], self.channels[1:], strict=True)
        )

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), each of S = T or 1, at the size of the first."""
        return Decoded(self.predict(self.project(self.attend(levels))))

    def attend(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Mask levels (S, B, C, h, w), each of S = T or 1, per task: (T, B, C, h, w)."""
        tasks, attended = len(self.tasks), []
        seen: Tensor | None = None
        for i, (level, mask) in enumerate(zip(levels, self.attention, strict=True)):
            sight = level if seen is None else torch.cat([fan_out(level, tasks), seen], 2)
            attended.append(split(mask(merge(sight)), tasks) * level)
            if i < len(self.refine):
                refined = fold(per_image(self.refine[i], attended[-1]))
                seen = unfold(F.adaptive_max_pool2d(refined, levels[i + 1].shape[-2:]), tasks)
        return attended

"""PAD-Net: predict, distil between tasks, and predict again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench_sharing.distillation import Distillation
from mtlbench_sharing.layers import Heads, bottleneck, merge
from mtlbench_sharing.levels import Fuse


class PADNet(Decoder):
    """Predict every task from features of its own, pass gated messages between these, and predict again.

    Source: Xu et al., PAD-Net, CVPR 2018, in the form of the survey of Vandenhende et al., TPAMI 2021. The
    first predictions are supervised with the weight `initial_weight`.

    Args:
        fused: channels in which the four levels are joined.
        width: channels of every task's features.
        initial_weight: weight of the first predictions' losses, beside 1 of the final ones.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        fused: int = 270,
        width: int = 256,
        initial_weight: float = 1.0,
    ) -> None:
        super().__init__(tasks, channels)
        count = len(self.tasks)
        self.initial_weight = initial_weight
        self.fuse = Fuse(self.channels, fused)
        self.initial = nn.Sequential(bottleneck(count, fused, width), bottleneck(count, width, width))
        self.early = Heads(self.tasks, width)
        self.distill = Distillation(count, width)
        self.refine = nn.Sequential(*(bottleneck(count, width, width) for _ in range(2)))
        self.final = Heads(self.tasks, width)

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), each of S = T or 1, at the size of the first."""
        features = self.initial(merge(self.fuse(levels)))
        maps = self.final(self.refine(self.distill(features)))
        return Decoded(maps, ((self.initial_weight, self.early(features)),) if self.training else ())

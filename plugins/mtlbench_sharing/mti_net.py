"""MTI-Net: distil between tasks at every scale, and propagate features from coarse to fine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench.engine.layers import resize
from mtlbench.engine.pyramid_head import Predictor
from mtlbench_sharing.distillation import Distillation
from mtlbench_sharing.layers import Heads, TaskConv, basic_block, fan_out, merge, split
from mtlbench_sharing.levels import Neck


class MTINet(Decoder):
    """Predict and distil at each of four scales, and predict again from all scales.

    Source: Vandenhende, Georgoulis, Van Gool, MTI-Net, ECCV 2020. Every scale's predictions are supervised,
    with the weight `scale_weight`.

    Args:
        neck_channels: channels c_l of every task's features at each scale, finest first.
        scale_weight: weight of each scale's losses, beside 1 of the final ones.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        neck_channels: Sequence[int] = (18, 36, 72, 144),
        scale_weight: float = 1.0,
    ) -> None:
        super().__init__(tasks, channels)
        count, widths, joined = len(self.tasks), tuple(neck_channels), sum(neck_channels)
        self.scale_weight = scale_weight
        self.neck = Neck(self.channels, widths)
        self.initial = nn.ModuleList(
            nn.Sequential(basic_block(count, width + coarser, width), basic_block(count, width, width))
            for width, coarser in zip(widths, (*widths[1:], 0), strict=True)
        )
        self.early = nn.ModuleList(Heads(self.tasks, width) for width in widths)
        self.propagate = nn.ModuleList(Propagation(count, width) for width in widths[1:])
        self.distill = nn.ModuleList(Distillation(count, width) for width in widths)
        self.final = nn.ModuleDict(
            {task: Predictor(joined, joined, outputs) for task, outputs in self.tasks.items()}
        )

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), each of S = T or 1, at the size of the first."""
        features = self._features(self.neck(levels))
        scales = [
            split(distill(own), len(self.tasks)) for distill, own in zip(self.distill, features, strict=True)
        ]
        maps = {
            task: head([scale[t] for scale in scales]) for t, (task, head) in enumerate(self.final.items())
        }
        auxiliary = tuple(
            (self.scale_weight, heads(own))
            for heads, own in zip(reversed(self.early), reversed(features), strict=True)
            if self.training
        )
        return Decoded(maps, auxiliary)

    def _features(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Compute every task's features (B, T·c_l, h, w) of each scale from levels (S, B, c_l, h, w)."""
        tasks = len(self.tasks)
        *finer, coarsest = levels
        features = [self.initial[-1](merge(coarsest))]
        for level, initial, propagate in zip(
            reversed(finer), reversed(self.initial[:-1]), reversed(self.propagate), strict=True
        ):
            coarse = resize(split(propagate(features[0]), tasks), level.shape[-2:])
            features.insert(0, initial(merge(torch.cat([fan_out(level, tasks), coarse], 2))))
        return features


class Propagation(nn.Module):
    """Add to every task's features F_t what is worth sharing of all tasks', to be handed to the finer scale.

    Z = reduce([softmax over tasks of weigh(F)] ⊙ F), out_t = F_t + Z ⊙ σ(excite_t ReLU(squeeze_t mean Z)).
    The hidden layer has a 16th of the channels, but at least four units: one or two are soon dead for good.
    Source: MTI-Net's feature propagation module, with squeeze-and-excitation of Hu et al., CVPR 2018.
    """

    def __init__(self, tasks: int, width: int) -> None:
        super().__init__()
        self.tasks = tasks
        joined, quarter, hidden = tasks * width, max(1, tasks * width // 4), max(4, width // 16)
        if tasks > 1:
            self.weigh = nn.Sequential(
                basic_block(1, joined, quarter),
                basic_block(1, quarter, quarter),
                nn.Conv2d(quarter, joined, 1),
            )
        self.reduce = basic_block(1, joined, width)
        self.squeeze = TaskConv(tasks, width, hidden, bias=True)
        self.excite = TaskConv(tasks, hidden, width, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, T·C, H, W), keeping the shape."""
        weighted = x
        if self.tasks > 1:
            scores = self.weigh(x).unflatten(1, (self.tasks, -1))
            weighted = x * scores.softmax(1).flatten(1, 2)
        shared = self.reduce(weighted)
        gates = self.excite(F.relu(self.squeeze(shared.mean((2, 3), keepdim=True)))).sigmoid()
        return x + (gates.unflatten(1, (self.tasks, -1)) * shared[:, None]).flatten(1, 2)

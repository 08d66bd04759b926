"""InvPT: attention over all pixels of all tasks, at resolutions that grow from stage to stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded, Decoder
from mtlbench.engine.layers import resize
from mtlbench.engine.streams import per_image
from mtlbench_sharing.errors import UnevenHeads
from mtlbench_sharing.layers import Heads, TaskConv, conv_norm, fan_out, merge
from mtlbench_sharing.up_block import UpBlock


class InvPT(Decoder):
    """Predict from the coarsest level, then refine all tasks' features together in ever finer stages.

    Source: Ye and Xu, InvPT, ECCV 2022, arXiv 2203.07997, and its public code. Stage i works at 2^i times the
    resolution of the first, with `UpBlock` attention over the pixels of all tasks; the stages' features are
    added at twice the size of the last one, and predicted from. The first predictions are supervised with the
    weight `intermediate_weight`.

    Args:
        width: channels of every task's first features.
        widths: channels of every task's features in each of the stages.
        heads: attention heads of each stage.
        hidden: channels of the first of two convolutions on the coarsest level; as that level by default.
        reduction: how many times the coarsest level is made smaller before the first stage.
        intermediate_weight: weight of the first predictions' losses, beside 1 of the final ones.

    Raises:
        UnevenHeads: a width is no multiple of `heads`.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        width: int = 512,
        widths: Sequence[int] = (576, 288, 144),
        heads: int = 2,
        hidden: int | None = None,
        reduction: int = 1,
        intermediate_weight: float = 1.0,
    ) -> None:
        super().__init__(tasks, channels)
        if any(stage % heads for stage in widths):
            raise UnevenHeads("widths", tuple(widths), heads)
        count, first, coarsest = len(self.tasks), widths[0], self.channels[-1]
        hidden = hidden or coarsest
        self.reduction = reduction
        self.intermediate_weight = intermediate_weight
        self.preliminary = nn.Sequential(
            conv_norm(count, coarsest, hidden, 3), nn.ReLU(), conv_norm(count, hidden, width, 3), nn.ReLU()
        )
        self.early = Heads(self.tasks, width)
        self.mix = TaskConv(count, width, first, bias=True)
        self.mix_maps = nn.ModuleDict(
            {task: nn.Conv2d(outputs, first, 1, bias=False) for task, outputs in self.tasks.items()}
        )
        self.stages = nn.ModuleList(
            Stage(count, before, stage, level, heads, i)
            for i, (before, stage, level) in enumerate(
                zip((first, *widths[:-1]), widths, self.channels[2::-1], strict=True)
            )
        )
        self.norms = nn.ModuleList(nn.LayerNorm(count * stage) for stage in widths)
        self.to_first = nn.ModuleList(TaskConv(count, stage, first, bias=True) for stage in widths[1:])
        self.join = nn.Sequential(conv_norm(count, first, first, 3), nn.ReLU())
        self.final = Heads(self.tasks, first)

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), S = T or 1, at 8 / `reduction` times the last's size."""
        size = [-(-length // self.reduction) for length in levels[-1].shape[-2:]]
        features = self.preliminary(merge(resize(levels[-1], size)))
        early = self.early(features)
        told = torch.cat([mix(early[task]) for task, mix in self.mix_maps.items()], 1)
        x, scores, joined = self.mix(features) + told, None, 0.0
        for i, (stage, norm) in enumerate(zip(self.stages, self.norms, strict=True)):
            x, scores = stage(x, levels[2 - i], [length * 2**i for length in size], scores)
            normed = norm(x.movedim(1, -1)).movedim(-1, 1)
            stage_features = normed if i == 0 else self.to_first[i - 1](normed)
            joined = joined + resize(stage_features, [8 * length for length in size])
        maps = self.final(self.join(joined))
        return Decoded(maps, ((self.intermediate_weight, early),) if self.training else ())


class Stage(nn.Module):
    """Enlarge features, but for the first stage's, add a level, and let the pixels of all tasks attend."""

    def __init__(self, tasks: int, inputs: int, width: int, level: int, heads: int, index: int) -> None:
        super().__init__()
        self.tasks = tasks
        self.up = None
        if index > 0:
            self.up = nn.Sequential(
                conv_norm(tasks, inputs, width, 3, dilation=2),
                nn.ReLU(),
                conv_norm(tasks, width, width, 3, dilation=2),
                nn.ReLU(),
            )
        self.skip = nn.Conv2d(level, width, 3, padding=1)
        self.block = UpBlock(tasks, width, heads, pool=2 ** (index + 1), first=index == 0)

    def forward(
        self, x: Tensor, level: Tensor, size: Sequence[int], scores: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Map (B, T·I, h, w), a level (S, B, C, h', w') and scores to (B, T·C, *size) and new scores."""
        if self.up is not None:
            x = self.up(resize(x, size))
        skip = per_image(self.skip, resize(level, size))
        return self.block(x + merge(fan_out(skip, self.tasks)), scores)

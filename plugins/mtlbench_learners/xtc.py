"""The mapping network of both forms of cross-task consistency."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.task import Task
from mtlbench_learners.pairs import PairNetwork, pair_code


class PairMap(nn.Module):
    """Map maps of one task to raw outputs of another, f_{s→t}, for all ordered pairs.

    `PairNetwork` encodes; its features, each through a 1x1 convolution, add up at the resolution of the maps;
    one 1x1 convolution per target yields the outputs.
    """

    def __init__(self, tasks: Sequence[Task], widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = PairNetwork(tasks, widths)
        self.laterals = nn.ModuleList(nn.Conv2d(width, widths[0], 1) for width in [widths[0], *widths])
        self.heads = nn.ModuleList(nn.Conv2d(widths[0], task.channels, 1) for task in tasks)

    def forward(self, maps: Sequence[Tensor], source: Tensor, target: Tensor) -> list[Tensor]:
        """Return for every task t the outputs of the samples that are mapped to it (N_t, C_t, h, w).

        Args:
            maps: of every task, those of the samples that are mapped from it (N_s, C_s, h, w).
            source, target: tasks of every sample (N,).
        """
        features = self.encoder(maps, source, pair_code(source, target, len(self.heads)))
        size = features[0].shape[-2:]
        summed = self.laterals[0](features[0])
        for lateral, feature in zip(self.laterals[1:], features[1:], strict=True):
            summed = summed + F.interpolate(lateral(feature), size, mode="bilinear", align_corners=False)
        hidden = F.relu(summed)
        return [head(hidden[target == t]) for t, head in enumerate(self.heads)]

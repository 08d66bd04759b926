"""Predict every task from features of its own."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_mtcp.layers import Norm, TaskLinear


class Heads(nn.Module):
    """Predict by 1x1 convolution to `hidden` channels, batch norm, ReLU and 1x1 convolution per task."""

    def __init__(self, tasks: Mapping[str, int], width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = TaskLinear(len(tasks), width, hidden, bias=False)
        self.norm = Norm(len(tasks), hidden)
        self.predict = nn.ModuleDict({task: nn.Linear(hidden, outputs) for task, outputs in tasks.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Map (T, B, H, W, width) to (B, C_t, H, W) per task."""
        hidden = F.relu(self.norm(self.hidden(x)))
        return {
            task: predict(features).movedim(-1, 1)
            for (task, predict), features in zip(self.predict.items(), hidden, strict=True)
        }

"""Auxiliary predictions whose classes cut an image into regions."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench_sharing.layers import conv_norm


class Regions(nn.Module):
    """Score K_t regions per task: z_t = A_t ReLU(BN(U_t x)) + b_t.

    Where K_t is the number of the task's outputs, these are the scores. Otherwise each region has values of
    its own, and the outputs are their mean by membership, R_t softmax_K(z_t).
    """

    def __init__(self, tasks: Mapping[str, int], inputs: int, counts: Mapping[str, int]) -> None:
        super().__init__()
        self.hidden = nn.Sequential(conv_norm(len(tasks), inputs, inputs), nn.ReLU()) if tasks else None
        self.score = nn.ModuleDict({task: nn.Conv2d(inputs, counts[task], 1) for task in tasks})
        self.values = nn.ModuleDict(
            {
                task: nn.Conv2d(counts[task], outputs, 1, bias=False)
                for task, outputs in tasks.items()
                if counts[task] != outputs
            }
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Map (B, T·I, H, W), or shared (B, I, H, W), to scores (B, K_t, H, W) per task."""
        own = self.hidden(x).chunk(len(self.score), 1)
        return {
            task: score(features) for (task, score), features in zip(self.score.items(), own, strict=True)
        }

    def predict(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Turn scores (B, K_t, H, W) into outputs (B, C_t, H, W) per task."""
        return {
            task: self.values[task](F.softmax(z, 1)) if task in self.values else z
            for task, z in scores.items()
        }

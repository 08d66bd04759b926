"""Layers over task streams whose channels come last: (T, B, H, W, C), or (1, B, H, W, C) where shared."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import TaskBatchNorm


class TaskLinear(nn.Module):
    """Map the channels of every stream with its task's weight (T, O, I) and bias (T, O), in one product."""

    def __init__(self, tasks: int, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(tasks, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(tasks, outputs).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (T or 1, ..., I) to (T, ..., O)."""
        return task_linear(x, self.weight, self.bias)


def task_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply x (T or 1, ..., I) with `weight` (T, O, I) and add `bias` (T, O): (T, ..., O)."""
    if x.shape[0] == 1:
        # one input, many weights: a single product with the stacked weight
        stacked = F.linear(x[0], weight.flatten(0, 1), None if bias is None else bias.flatten())
        return stacked.unflatten(-1, weight.shape[:2]).movedim(-2, 0)
    flat = x.flatten(1, -2)
    y = flat @ weight.mT if bias is None else torch.baddbmm(bias[:, None], flat, weight.mT)
    return y.unflatten(1, x.shape[1:-1])


class TaskLayerNorm(nn.Module):
    """Normalise the channels of every pixel, then scale and shift them per task."""

    def __init__(self, tasks: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(tasks, 1, 1, 1, channels))
        self.bias = nn.Parameter(torch.zeros(tasks, 1, 1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (T or 1, B, H, W, C) to (T, B, H, W, C)."""
        return torch.addcmul(self.bias, F.layer_norm(x, x.shape[-1:]), self.weight)


class Norm(TaskBatchNorm):
    """Normalise (T, B, H, W, C) as a batch norm per task would."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every task's stream by its own statistics."""
        return super().forward(x.movedim(-1, 2)).movedim(2, -1)

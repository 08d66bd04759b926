"""Layers over features of all tasks with channels last: (T, ..., C), or (1, ..., C) if tasks share them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.streams import batched_linear


class TaskLinear(nn.Module):
    """Map the channels of every task with weights (T, O, I) and biases (T·O,) of its own, in one product."""

    def __init__(self, tasks: int, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.trunc_normal_(torch.empty(tasks, outputs, inputs), std=0.02))
        self.bias = nn.Parameter(torch.zeros(tasks * outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (T or 1, ..., I) to (T, ..., O)."""
        y = batched_linear(x, self.weight)
        return y if self.bias is None else y + _per_task(self.bias, y)


class TaskLayerNorm(nn.Module):
    """Normalise channels, then scale and shift them per task."""

    def __init__(self, tasks: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(tasks * channels))
        self.bias = nn.Parameter(torch.zeros(tasks * channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (T or 1, ..., C) to (T, ..., C)."""
        return F.layer_norm(x, (self.channels,)) * _per_task(self.weight, x) + _per_task(self.bias, x)


class TaskMlp(nn.Sequential):
    """Map channels by a two-layer perceptron per task."""

    def __init__(self, tasks: int, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(TaskLinear(tasks, inputs, hidden), nn.GELU(), TaskLinear(tasks, hidden, outputs))


def _per_task(values: Tensor, like: Tensor) -> Tensor:
    """View (T·C,) as (T, 1, ..., C), with the dimensions of `like`."""
    return values.view(-1, *[1] * (like.dim() - 2), like.shape[-1])

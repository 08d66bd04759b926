"""Layers over features of all tasks side by side: (B, T·C, H, W), or (B, C, H, W) where tasks share them."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import GlobalBatchNorm


class TaskConv(nn.Conv2d):
    """Convolve each task's channels with weights of its own: (B, T·I, H, W) to (B, T·O, H, W).

    `weight` is (T·O, I, k, k), and its t-th O rows belong to task t alone. All tasks are one convolution:
    grouped, or plain where they share the input (B, I, H, W).
    """

    def __init__(
        self,
        tasks: int,
        inputs: int,
        outputs: int,
        size: int = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__(
            tasks * inputs,
            tasks * outputs,
            size,
            stride=stride,
            padding=size // 2 * dilation,
            dilation=dilation,
            groups=tasks,
            bias=bias,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve every task's channels."""
        groups = x.shape[1] // self.weight.shape[1]
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, groups)


class Heads(nn.ModuleDict):
    """Predict (B, C_t, H, W) for each task from its own channels of (B, T·C, H, W) by a 1x1 convolution."""

    def __init__(self, tasks: Mapping[str, int], width: int) -> None:
        super().__init__({task: nn.Conv2d(width, outputs, 1) for task, outputs in tasks.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Predict every task."""
        own = x.chunk(len(self), 1)
        return {task: head(features) for (task, head), features in zip(self.items(), own, strict=True)}


class Residual(nn.Module):
    """Add what a body makes of its input to the input, and rectify: ReLU(body(x) + x).

    The input is projected by 1x1 convolution and batch norm where it has another width than the output.
    """

    def __init__(self, tasks: int, inputs: int, outputs: int, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = None if inputs == outputs else conv_norm(tasks, inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T·I, H, W), or shared (B, I, H, W), to (B, T·O, H, W)."""
        y = self.body(x)
        if self.shortcut is not None:
            return F.relu(y + self.shortcut(x))
        return F.relu(y + (x if x.shape == y.shape else x.repeat(1, y.shape[1] // x.shape[1], 1, 1)))


def conv_norm(tasks: int, inputs: int, outputs: int, size: int = 1, dilation: int = 1) -> nn.Sequential:
    """Make a convolution without bias, then a batch norm, both per task."""
    conv = TaskConv(tasks, inputs, outputs, size, dilation=dilation)
    return nn.Sequential(conv, GlobalBatchNorm(tasks * outputs))


def basic_block(tasks: int, inputs: int, outputs: int) -> Residual:
    """Make ResNet's basic block per task: two 3x3 convolutions (He et al., CVPR 2016)."""
    body = nn.Sequential(
        conv_norm(tasks, inputs, outputs, 3), nn.ReLU(), conv_norm(tasks, outputs, outputs, 3)
    )
    return Residual(tasks, inputs, outputs, body)


def bottleneck(tasks: int, inputs: int, outputs: int) -> Residual:
    """Make ResNet's bottleneck per task: 1x1 to a quarter of the width, 3x3, 1x1 (He et al., CVPR 2016)."""
    hidden = max(1, outputs // 4)
    body = nn.Sequential(
        conv_norm(tasks, inputs, hidden),
        nn.ReLU(),
        conv_norm(tasks, hidden, hidden, 3),
        nn.ReLU(),
        conv_norm(tasks, hidden, outputs),
    )
    return Residual(tasks, inputs, outputs, body)


def merge(x: Tensor) -> Tensor:
    """Put streams side by side: (S, B, C, H, W) -> (B, S·C, H, W)."""
    return x.movedim(0, 1).flatten(1, 2)


def split(x: Tensor, tasks: int) -> Tensor:
    """Take tasks apart: (B, T·C, H, W) -> (T, B, C, H, W), a view."""
    return x.unflatten(1, (tasks, -1)).movedim(1, 0)


def fan_out(x: Tensor, tasks: int) -> Tensor:
    """Give every task a stream: (S, B, C, H, W), S = T or 1, -> (T, B, C, H, W), a view."""
    return x.expand(tasks, *x.shape[1:])

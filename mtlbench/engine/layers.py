"""Layers of decoders over task streams: tensors (T, B, C, H, W), one weight set per task.

Results are logically channels-first and lie channels-last in memory, where a 1x1 convolution is a product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.distributed import world_size
from mtlbench.engine.streams import batched_linear, fold, unfold


def conv1x1(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply the channels of x (..., I, H, W) with `weight` (O, I): (..., O, H, W)."""
    return F.linear(x.movedim(-3, -1), weight, bias).movedim(-1, -3)


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Resize x ((T,) B, C, h, w) bilinearly, pixel centres at halves, to `size` (H, W)."""
    if x.shape[-2:] == tuple(size):
        return x
    if x.dim() == 5:
        return unfold(resize(fold(x), size), x.shape[0])
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)


def dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Zero elements of x with probability `rate` while training, and scale the others to keep the mean.

    As `F.dropout`, from 16 random bits per element instead of a floating-point draw, which halves its time on
    a CPU, and with a byte per element to hold for backward instead of four; `rate` is rounded to a multiple
    of 2^-16.
    """
    cut = round(rate * 2**16)
    if not training or cut == 0:
        return x
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    kept = words.view(torch.int16)[: x.numel()].view(x.shape) >= cut - 2**15
    return _Mask.apply(x, kept, 2**16 / (2**16 - cut))


class TaskConv1x1(nn.Module):
    """Apply one bias-free 1x1 convolution per task: (T, B, I, H, W), or shared (1, ...), to (T, B, O, H, W).

    `weight` is (T, O, I); `weight[t]` belongs to task t alone. All tasks are one batched product, and a
    shared input is read once.
    """

    def __init__(self, tasks: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tasks, outputs, inputs))
        nn.init.uniform_(self.weight, -(inputs**-0.5), inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve every stream with its task's weight."""
        return batched_linear(x.movedim(2, -1), self.weight).movedim(-1, 2)


class GlobalBatchNorm(nn.BatchNorm2d):
    """Normalise (B, C, H, W) by statistics of the whole batch, across processes while training.

    With one process, and in evaluation, this is `nn.BatchNorm2d`. Processes may hold batches of different
    sizes. `nn.SyncBatchNorm` does the same on GPUs only.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise with statistics in the type of the parameters (float32), and return the type of x."""
        if not self.training or world_size() == 1:
            return super().forward(x)
        y = x.to(self.weight.dtype)
        count = _Sum.apply(y.new_tensor(y.numel() / y.shape[1]))
        mean = _Sum.apply(y.sum((0, 2, 3))) / count
        centred = y - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1  # type: ignore[operator, assignment]
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
            unbiased = variance * (count / (count - 1))
            self.running_var.lerp_(unbiased, self.momentum)  # type: ignore[union-attr, arg-type]
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


class TaskBatchNorm(GlobalBatchNorm):
    """Normalise (T, B, C, H, W) per task and channel, as T separate batch norms would.

    Parameters and running statistics are (T·C,), task by task.
    """

    def __init__(self, tasks: int, channels: int, momentum: float = 0.1) -> None:
        super().__init__(tasks * channels, momentum=momentum)
        self.tasks = tasks

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every task's stream by its own statistics."""
        if self.training and world_size() > 1:
            merged = x.movedim(0, 1).flatten(1, 2)
            return super().forward(merged).unflatten(1, (self.tasks, -1)).movedim(1, 0)
        if self.training:
            self.num_batches_tracked += 1  # type: ignore[operator, assignment]
        # task by task: merged channels would not lie last, which takes twice the time
        state = (self.running_mean, self.running_var, self.weight, self.bias)
        rows = (values.view(self.tasks, -1).unbind() for values in state)  # type: ignore[union-attr]
        return torch.stack(
            [
                F.batch_norm(stream, *values, self.training, self.momentum, self.eps)  # type: ignore[call-arg]
                for stream, *values in zip(x.unbind(), *rows, strict=True)
            ]
        )

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept what `forward` has merged."""


class _Mask(torch.autograd.Function):
    """Multiply x by a boolean mask and a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(kept)
        ctx.scale = scale
        return x * kept.to(x.dtype).mul_(scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Mask.apply(gradient, *ctx.saved_tensors, ctx.scale), None, None


class _Sum(torch.autograd.Function):
    """Sum over processes; so every process's loss reaches every process's input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)

"""Leave and re-enter the stream axis of a low-rank update without copying what all streams hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Project(torch.autograd.Function):
    """Split streams into the shared one and the tasks' products with A.

    x (1 + T, n, I), A (T, r, I) -> x_0 (n, I), x_t A_tᵀ (T, n, r). The backward pass writes both parts into
    one gradient, while each slice of x would bring a gradient of its full size.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, A)
        return x[0], torch.bmm(x[1:], A.mT)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, shared: Tensor, inner: Tensor) -> tuple[Tensor, Tensor]:
        x, A = ctx.saved_tensors
        gradient = torch.empty_like(x)
        gradient[0] = shared
        torch.bmm(inner, A, out=gradient[1:])
        return gradient, torch.bmm(inner.mT, x[1:])


class Expand(torch.autograd.Function):
    """Join the shared stream with those of the tasks.

    y (n, O), h (n, O), inner (T, n, r), Bᵀ (T, r, O) -> (1 + T, n, O): y, then h + s · inner_t B_tᵀ.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, h: Tensor, inner: Tensor, BT: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(inner, BT)
        ctx.scale = scale
        streams = h.new_empty(1 + len(BT), *h.shape)
        streams[0] = y
        for stream, along, factor in zip(streams[1:], inner, BT, strict=True):
            torch.addmm(h, along, factor, alpha=scale, out=stream)
        return streams

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        inner, BT = ctx.saved_tensors
        shared, tasks = gradient[0], gradient[1:]
        along = torch.bmm(tasks, BT.mT).mul_(ctx.scale)
        return shared, tasks.sum(0), along, torch.bmm(inner.mT, tasks).mul_(ctx.scale), None

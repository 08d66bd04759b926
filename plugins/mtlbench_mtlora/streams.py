"""Leave and re-enter the stream axis of a low-rank update without copying what all streams hold."""

from __future__ import annotations

from collections.abc import Callable
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


class Hidden(torch.autograd.Function):
    """Pass the tasks' streams through a hidden layer whose values are never held.

    base (n, H), inner (T, n, r), Bᵀ (T, r, H), A (T, k, H) -> act(base + inner_t B_tᵀ) A_tᵀ (T, n, k), for
    any `act` of single elements. Rows pass in parts that fit a CPU's cache, and backward computes them again:
    2·T·n·H less to hold than when going through tensors (T, n, H).
    """

    @staticmethod
    def forward(
        ctx: Any, base: Tensor, inner: Tensor, BT: Tensor, A: Tensor, act: Callable[[Tensor], Tensor]
    ) -> Tensor:
        ctx.save_for_backward(base, inner, BT, A)
        ctx.act = act
        rows = _rows(base, len(A))
        parts = zip(base.split(rows), inner.split(rows, 1), strict=True)
        return torch.cat([hidden(h, along, BT, A, act) for h, along in parts], 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        base, inner, BT, A = ctx.saved_tensors
        of_base, of_inner = torch.empty_like(base), torch.empty_like(inner)
        precise = torch.promote_types(A.dtype, torch.float32)
        of_BT, of_A = torch.zeros_like(BT, dtype=precise), torch.zeros_like(A, dtype=precise)
        rows = _rows(base, len(A))
        wholes = ((base, 0), (inner, 1), (gradient, 1), (of_base, 0), (of_inner, 1))
        for h, along, own, of_h, of_along in zip(
            *(whole.split(rows, axis) for whole, axis in wholes), strict=True
        ):
            with torch.enable_grad():
                before = _add(h, along, BT).requires_grad_()
                after = ctx.act(before)
            of_A += torch.bmm(own.mT, after.detach())
            (through,) = torch.autograd.grad(after, before, torch.bmm(own, A))
            of_BT += torch.bmm(along.mT, through)
            torch.sum(through, 0, out=of_h)
            torch.bmm(through, BT.mT, out=of_along)
        return of_base, of_inner, of_BT.to(BT.dtype), of_A.to(A.dtype), None


def hidden(base: Tensor, inner: Tensor, BT: Tensor, A: Tensor, act: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute what `Hidden` does, all rows at once: the form of programs that are traced."""
    return torch.bmm(act(_add(base, inner, BT)), A.mT)


class Expand(torch.autograd.Function):
    """Join the shared stream with those of the tasks.

    y (n, O), base (n, O), inner (T, n, r), Bᵀ (T, r, O) -> (1 + T, n, O): y, then base + inner_t B_tᵀ.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, base: Tensor, inner: Tensor, BT: Tensor) -> Tensor:
        ctx.save_for_backward(inner, BT)
        streams = base.new_empty(1 + len(BT), *base.shape)
        streams[0] = y
        for stream, along, factor in zip(streams[1:], inner, BT, strict=True):
            torch.addmm(base, along, factor, out=stream)
        return streams

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        inner, BT = ctx.saved_tensors
        shared, tasks = gradient[0], gradient[1:]
        return shared, tasks.sum(0), torch.bmm(tasks, BT.mT), torch.bmm(inner.mT, tasks)


def _add(base: Tensor, inner: Tensor, BT: Tensor) -> Tensor:
    return torch.baddbmm(base.expand(len(BT), -1, -1), inner, BT)


def _rows(base: Tensor, tasks: int) -> int:
    """Return how many rows make a part: a megabyte of all tasks' on a CPU, all of them elsewhere."""
    return max(1, 2**18 // (tasks * base.shape[1])) if base.device.type == "cpu" else len(base)

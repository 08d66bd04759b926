"""Weights of all tasks, made of one low-rank weight by sines of different frequencies."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

#: half the width of the low-pass filter, 7 taps
RADIUS = 3


def smooth(x: Tensor) -> Tensor:
    """Filter rows and columns of matrices (T, O, I) by a Gaussian of 7 taps and σ = 1, zeros outside.

    The filter is symmetric, so this is its own adjoint.
    """
    taps = [math.exp(-(i**2) / 2) for i in range(-RADIUS, RADIUS + 1)]
    for dim, padding in ((1, (0, 0, RADIUS, RADIUS)), (2, (RADIUS, RADIUS))):
        padded, length = F.pad(x, padding), x.shape[dim]
        x = padded.narrow(dim, 0, length) * (taps[0] / sum(taps))
        for i in range(1, len(taps)):
            x.add_(padded.narrow(dim, i, length), alpha=taps[i] / sum(taps))
    return x


class Modulate(torch.autograd.Function):
    """Stack W + s / f · smooth(sin(f · ω_t · M)) for every task, behind W + s · M if `shared`.

    W and M (O, I), frequencies ω (T,) -> (T, O, I) or (1 + T, O, I). Backward computes the cosines anew
    instead of keeping the sines' arguments, T matrices.
    """

    @staticmethod
    def forward(ctx: Any, W: Tensor, M: Tensor, omega: Tensor, f: float, s: float, shared: bool) -> Tensor:
        ctx.save_for_backward(M, omega)
        ctx.f, ctx.s, ctx.shared = f, s, int(shared)
        weights = M.new_empty(ctx.shared + len(omega), *M.shape)
        if shared:
            torch.add(W, M, alpha=s, out=weights[0])
        sines = (M * (f * omega[:, None, None])).sin_()
        torch.add(W, smooth(sines), alpha=s / f, out=weights[ctx.shared :])
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        M, omega = ctx.saved_tensors
        along = smooth(gradient[ctx.shared :]).mul_(ctx.s)
        along.mul_((M * (ctx.f * omega[:, None, None])).cos_())
        of_M = torch.einsum("toi,t->oi", along, omega)
        if ctx.shared:
            of_M.add_(gradient[0], alpha=ctx.s)
        of_W = gradient.sum(0) if ctx.needs_input_grad[0] else None
        return of_W, of_M, torch.einsum("toi,oi->t", along, M), None, None, None

"""Attention between all pixels, exact, without their matrix."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: elements of the matrix that are formed at a time: few enough for a cache, enough for fast products
BLOCK = 2**21
#: elements of the matrix that are kept for the backward pass; the others are formed again
KEPT = 2**27


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return softmax(query keyᵀ) value of (N, P, D), (N, P, D), (N, P, C), at least in float32.

    The softmax runs over the pixels of `key`. Beside arguments and results no more than `KEPT` + 3 · `BLOCK`
    elements are held, instead of N·P².
    """
    dtype = torch.promote_types(query.dtype, torch.float32)
    form = _plain if torch.compiler.is_compiling() else _Attend.apply
    with torch.autocast(query.device.type, enabled=False):
        return form(query.to(dtype), key.to(dtype), value.to(dtype))


def _plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend for a program that is traced: of all images at once, as their number isn't known."""
    rows = max(1, BLOCK // key.shape[1])
    return torch.cat([(part @ key.mT).softmax(-1) @ value for part in query.split(rows, 1)], 1)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out, scratch = torch.empty_like(value), query.new_empty(0)
        kept, room = [], KEPT if any(ctx.needs_input_grad) else 0
        for block in _blocks(query):
            weights = _weights(query[block], key[block[0]], scratch)
            out[block] = weights @ value[block[0]]
            room -= weights.numel()
            if room >= 0:
                kept.append(weights)
        ctx.save_for_backward(query, key, value, out, *kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value, out, *kept = ctx.saved_tensors
        d_query, d_key, d_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        scratch = query.new_empty(0)
        mean = (gradient * out).sum(-1, keepdim=True).neg_()
        with torch.autocast(query.device.type, enabled=False):
            for block, weights in zip_longest(_blocks(query), kept):
                images = block[0]
                if weights is None:
                    weights = _weights(query[block], key[images], scratch)
                d_value[images].baddbmm_(weights.mT, gradient[block])
                d_scores = torch.baddbmm(mean[block], gradient[block], value[images].mT).mul_(weights)
                d_query[block] = d_scores @ key[images]
                d_key[images].baddbmm_(d_scores.mT, query[block])
        return d_query, d_key, d_value


def _weights(query: Tensor, key: Tensor, scratch: Tensor) -> Tensor:
    """Form one block's affinity, its scores in the memory of `scratch`.

    Scores of their own, freed between blocks that are kept, would leave gaps that no allocation fills.
    """
    return torch.bmm(query, key.mT, out=scratch.resize_(0)).softmax(-1)


def _blocks(query: Tensor) -> Iterator[tuple[slice, slice]]:
    """Cut images and pixels so that a block's matrix has about `BLOCK` elements."""
    images, pixels, _ = query.shape
    many, rows = max(1, BLOCK // pixels**2), max(1, BLOCK // pixels)
    for image in range(0, images, many):
        for row in range(0, pixels, rows):
            yield slice(image, image + many), slice(row, row + rows)

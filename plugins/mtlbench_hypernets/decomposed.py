"""Multiply with S ⊗ (P Q) without ever writing the matrix out."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from mtlbench.engine.streams import batched_linear


def decomposed_linear(x: Tensor, left: Tensor, right: Tensor, scale: Tensor | None = None) -> Tensor:
    """Multiply every stream with S ⊗ (P_t Q_t), or with P_t Q_t where there is no S.

    A row of x is s blocks of n numbers: each block goes through Q_t and P_t, and S mixes the blocks where
    they are shortest, after Q_t. Where P_t Q_t has fewer numbers than its factors, it is multiplied out.

    Args:
        x: (S, B, ..., s·n), where the number of streams S may be 1.
        left: P (T, m, r).
        right: Q (T, r, n).
        scale: S (s·s), flat.

    Returns:
        (T, B, ..., s·m).
    """
    (bottom, rank), width = left.shape[1:], right.shape[-1]
    whole = bottom * width <= rank * (bottom + width)
    first = left @ right if whole else right
    size = 1 if scale is None else math.isqrt(scale.numel())
    y = batched_linear(x.unflatten(-1, (size, width)), first)
    if size > 1:
        y = F.linear(y.mT, scale.view(size, size)).mT
    elif scale is not None:
        y = y * scale
    return (y if whole else batched_linear(y, left)).flatten(-2)

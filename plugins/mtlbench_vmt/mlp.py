"""Frozen MLPs with an adapter beside them, and what tasks extract from it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AdaptedMlp(nn.Module):
    """Compute MLP(x) + a for the shared stream and MLP(x) + γ_t ⊙ a + β_t for each task, a = adapter(x).

    Takes x (1, B, ..., C) and returns (1 + T, B, ..., C), the shared stream first; without tasks x may have
    any streams, which stay. γ_t starts from one, β_t from zero.

    Args:
        frozen: the MLP; it becomes a submodule.
        adapter: maps (..., C) to (..., C).
        width: C.
        tasks: T, or 0.
        ends: whether nothing reads the shared stream that leaves here; then it isn't returned.
    """

    def __init__(self, frozen: nn.Module, adapter: nn.Module, width: int, tasks: int, ends: bool) -> None:
        super().__init__()
        self.frozen, self.adapter = frozen, adapter
        self.gamma = self.beta = None
        self._shared = not ends
        self._width = width
        if tasks:
            self.gamma = nn.Parameter(torch.ones(tasks * width))
            self.beta = nn.Parameter(torch.zeros(tasks * width))

    def forward(self, x: Tensor) -> Tensor:
        base, update = self.frozen(x), self.adapter(x)
        if self.gamma is None:
            return base + update.to(base.dtype)
        shape = (-1, *[1] * (x.ndim - 2), self._width)
        gamma, beta = self.gamma.view(shape).to(base.dtype), self.beta.view(shape).to(base.dtype)
        if self._shared:
            gamma = torch.cat((torch.ones_like(gamma[:1]), gamma))
            beta = torch.cat((torch.zeros_like(beta[:1]), beta))
        return torch.addcmul(base + beta, gamma, update.to(base.dtype))


class Bottleneck(nn.Module):
    """Compute U φ(D x + b) + c: (..., C) -> (..., C).

    D (r, C) starts from Kaiming's uniform law with a = √5, U (C, r), b and c from zero; φ is GELU.
    """

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        for parameter in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(F.gelu(self.down(x)))


class TiedBottleneck(nn.Module):
    """Compute s ⊙ Dᵀ φ(D x + b) + c: (..., C) -> (..., C).

    D (r, C) starts from Kaiming's uniform law with a = √5, s (C), b and c from zero; φ is GELU.
    """

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(bottleneck, width))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.bias = nn.Parameter(torch.zeros(bottleneck))
        self.scale, self.shift = (nn.Parameter(torch.zeros(width)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.gelu(F.linear(x, self.weight, self.bias))
        return self.scale * F.linear(inner, self.weight.T) + self.shift

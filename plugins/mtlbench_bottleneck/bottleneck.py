"""Put a bottleneck after or beside a frozen part of the backbone."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: (inputs, outputs, whether it starts at zero) -> a module of `mtlbench_bottleneck.factors`
MakeFactor = Callable[[int, int, bool], nn.Module]


class Bottleneck(nn.Module):
    """Compute U φ(D norm(x) + b_D) + b_U with K sets of weights: (S, B, ..., C) -> (max(S, K), B, ..., C).

    U and the biases start at zero, so the result does.

    Args:
        make: makes D, and U.
        sets: K.
        width: C.
        inner: m, the channels between D and U.
        norm: whether a layer norm stands before D; else norm(x) = x.
        activation: φ.
    """

    def __init__(
        self, make: MakeFactor, sets: int, width: int, inner: int, *, norm: bool, activation: nn.Module
    ) -> None:
        super().__init__()
        self.sets = sets
        self.norm = StreamNorm(sets, width) if norm else nn.Identity()
        self.down, self.up = make(width, inner, False), make(inner, width, True)
        self.down_bias = nn.Parameter(torch.zeros(sets * inner))
        self.up_bias = nn.Parameter(torch.zeros(sets * width))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        inner = self.down(self.norm(x))
        inner = self.activation(inner + along(self.down_bias, inner, self.sets))
        y = self.up(inner)
        return y + along(self.up_bias, y, self.sets)


class StreamNorm(nn.Module):
    """Normalise the channels of every stream; K sets of weights and biases are stored flat, (K·C,)."""

    def __init__(self, sets: int, width: int) -> None:
        super().__init__()
        self.sets = sets
        self.weight = nn.Parameter(torch.ones(sets * width))
        self.bias = nn.Parameter(torch.zeros(sets * width))

    def forward(self, x: Tensor) -> Tensor:
        width = x.shape[-1:]
        if self.sets == 1:
            return F.layer_norm(x, width, self.weight, self.bias)
        x = F.layer_norm(x, width)
        return torch.addcmul(along(self.bias, x, self.sets), x, along(self.weight, x, self.sets))


class After(nn.Module):
    """Compute h + U φ(D h), h = frozen(x)."""

    def __init__(self, frozen: nn.Module, bottleneck: Bottleneck) -> None:
        super().__init__()
        self.frozen, self.bottleneck = frozen, bottleneck

    def forward(self, x: Tensor) -> Tensor:
        h = self.frozen(x)
        return h + self.bottleneck(h)


class Beside(nn.Module):
    """Compute frozen(x) + s · U φ(D x); `scale` is s, or with `learns_scale` where s (K,) starts."""

    def __init__(self, frozen: nn.Module, bottleneck: Bottleneck, scale: float, learns_scale: bool) -> None:
        super().__init__()
        self.frozen, self.bottleneck = frozen, bottleneck
        values = torch.full((bottleneck.sets,), scale)
        self.scale = nn.Parameter(values, requires_grad=True) if learns_scale else scale

    def forward(self, x: Tensor) -> Tensor:
        update = self.bottleneck(x)
        if isinstance(self.scale, float):
            return torch.add(self.frozen(x), update, alpha=self.scale)
        return torch.addcmul(self.frozen(x), update, along(self.scale, update, len(self.scale)))


def along(values: Tensor, like: Tensor, sets: int) -> Tensor:
    """View flat values (K·C,) as (K, 1, ..., C), to be combined with streams like `like`, in its type."""
    return values.view(sets, *[1] * (like.ndim - 2), -1).to(like.dtype)

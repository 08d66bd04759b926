"""The side network: frozen levels in, the levels of every task out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import resize
from mtlbench.engine.streams import batched_linear, fold, per_image, unfold


class SideNetwork(nn.Module):
    """Adapt four levels to every task: (1, B, C_l, h_l, w_l) -> (T, B, C_l, h_l, w_l).

    With f_l = D_l LN(x_l) + b_l, c channels at every level,

        bottom-up, all tasks as one:  u_l = mix_l(f_l + pool(u_{l-1}))
        top-down, each task alone:    v_l = mix'_l(u_l + resize(v_{l+1}))
        mixture of task experts:      m_l = v_l + Σ_e softmax(G_t v_l)_e V_e gelu(U_e v_l)
        output:                       y_l = x_l + O_{l,t} m_l

    where O starts from zero, so that y = x at first.

    Args:
        channels: C_l, of the four levels.
        tasks: T.
        width: c.
        experts: E, which tasks and levels share.
        rank: r, hidden channels of an expert.
    """

    def __init__(self, channels: Sequence[int], tasks: int, width: int, experts: int, rank: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Linear(inputs, width) for inputs in channels)
        self.bottom_up = nn.ModuleList(Mix(width, 1) for _ in channels)
        self.top_down = nn.ModuleList(Mix(width, tasks) for _ in channels)
        self.experts = Experts(width, tasks, experts, rank)
        self.up = nn.ParameterList(torch.zeros(tasks, outputs, width) for outputs in channels)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Adapt the levels, finest first."""
        rising: list[Tensor] = []
        for x, down, mix in zip(levels, self.down, self.bottom_up, strict=True):
            x = x.movedim(2, -1)
            z = down(F.layer_norm(x, x.shape[-1:]))
            rising.append(mix(z + _pool(rising[-1], z) if rising else z))
        falling: list[Tensor] = []
        for z, mix in zip(reversed(rising), reversed(self.top_down), strict=True):
            falling.append(mix(z + _resize(falling[-1], z) if falling else z))
        adapted = zip(levels, reversed(falling), self.up, strict=True)
        return [x + batched_linear(self.experts(z), up).movedim(-1, 2) for x, z, up in adapted]


class Mix(nn.Module):
    """Compute z + P gelu(K z): a depthwise 3x3 convolution K, then one pointwise product P per stream.

    Maps (1 or S, B, h, w, c) to (S, B, h, w, c).
    """

    def __init__(self, width: int, streams: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.pointwise = _uniform(streams, width, width)

    def forward(self, z: Tensor) -> Tensor:
        mixed = per_image(lambda m: self.spatial(m.movedim(-1, 1)).movedim(1, -1), z)
        return z + batched_linear(F.gelu(mixed), self.pointwise)


class Experts(nn.Module):
    """Add what E low-rank experts, weighed for each task and place, make of z (T, B, h, w, c)."""

    def __init__(self, width: int, tasks: int, experts: int, rank: int) -> None:
        super().__init__()
        self.gate = _uniform(tasks, experts, width)
        self.inner = nn.Linear(width, experts * rank)
        self.outer = nn.Linear(experts * rank, width, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        weights = batched_linear(z, self.gate).softmax(-1)
        hidden = F.gelu(self.inner(z)).unflatten(-1, (weights.shape[-1], -1))
        return z + self.outer((hidden * weights[..., None]).flatten(-2))


def _pool(z: Tensor, like: Tensor) -> Tensor:
    """Average z (S, B, h, w, c) down to the height and width of `like`."""
    if z.shape[2:4] == like.shape[2:4]:
        return z
    pooled = F.adaptive_avg_pool2d(fold(z).movedim(-1, 1), like.shape[2:4])
    return unfold(pooled.movedim(1, -1), len(z))


def _resize(z: Tensor, like: Tensor) -> Tensor:
    """Resize z (S, B, h, w, c) bilinearly to the height and width of `like`."""
    return resize(z.movedim(-1, 2), like.shape[2:4]).movedim(2, -1)


def _uniform(streams: int, outputs: int, inputs: int) -> nn.Parameter:
    """Draw one weight (O, I) per stream as `nn.Linear` does."""
    weight = torch.empty(streams, outputs, inputs)
    return nn.Parameter(nn.init.uniform_(weight, -(inputs**-0.5), inputs**-0.5))

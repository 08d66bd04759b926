"""Run transformer blocks over stream tensors (S, B, ..., C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtlbench.contracts.backbone import Block


class DropPath(nn.Module):
    """Drop a residual branch of whole images in training; all streams of an image share the draw."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Scale each image of x (S, B, ..., C) by 0 or 1 / (1 - rate)."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        return x * x.new_empty(1, x.shape[1], *[1] * (x.ndim - 2)).bernoulli_(keep).div_(keep)

    def extra_repr(self) -> str:
        """Show the rate in the printed module."""
        return f"rate={self.rate:.3f}"


class LayerScale(nn.Module):
    """Multiply every channel by its trained factor gamma (C,)."""

    def __init__(self, gamma: nn.Parameter) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, x: Tensor) -> Tensor:
        """Scale x (..., C)."""
        return x * self.gamma


class PreNormBlock(Block):
    """Compute x + drop(scale1(attn(norm1 x))), then x + drop(scale2(mlp(norm2 x)))."""

    def __init__(
        self,
        norm1: nn.Module,
        attn: nn.Module,
        norm2: nn.Module,
        mlp: nn.Module,
        *,
        gammas: tuple[nn.Parameter | None, nn.Parameter | None] = (None, None),
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2, self.mlp = norm1, attn, norm2, mlp
        self.scale1, self.scale2 = (nn.Identity() if g is None else LayerScale(g) for g in gammas)
        self.drop_path = DropPath(drop_path)

    def attention_branch(self, attended: Tensor) -> Tensor:
        """Scale and drop what attention made."""
        return self.drop_path(self.scale1(attended))

    def mlp_branch(self, x: Tensor) -> Tensor:
        """Scale and drop what the MLP makes of x."""
        return self.drop_path(self.scale2(self.mlp(self.norm2(x))))


def drop_path_rates(rate: float, blocks: int) -> list[float]:
    """Return the linear schedule of stochastic depth: 0 for the first block, `rate` for the last."""
    return torch.linspace(0, rate, blocks, device="cpu").tolist()

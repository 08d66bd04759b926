"""The backbone contract: a pretrained encoder that yields a four-level feature pyramid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Site:
    """Locate one submodule that an adapter may replace.

    `path` is its name for `get_submodule` / `set_submodule`; `role` is one of `qkv`, `proj`, `fc1`, `fc2`
    (linear layers of a block), `reduction` (linear layer of a patch merging), `attn`, `mlp`, `norm1`, `norm2`
    (whole parts of a block), `block`. `stage` and `block` count from 0; `last` marks the last block of a
    stage. A `block` is a `Block`, an `attn` an `Attention`; anything else maps x.
    """

    path: str
    role: str
    stage: int
    block: int
    last: bool


class Attention(nn.Module, ABC):
    """Attend over tokens in windows, or over all of them as one window.

    Its layers are `qkv` (C to 3·C, query before key before value, heads next) and `proj`. Extra tokens, which
    belong to no place of the map, join every window: no bias or mask applies to them, and what they become
    is the mean over windows.
    """

    heads: int
    #: (h, w) places in each of the windows that were cut last; they come last among a window's tokens
    window: tuple[int, int]
    qkv: nn.Module
    proj: nn.Module

    @abstractmethod
    def windows(self, x: Tensor) -> Tensor:
        """Cut x (S, B, ..., C) into W windows of N tokens: (S, B, W, N, C)."""

    @abstractmethod
    def mix(self, qkv: Tensor, extra: int = 0) -> Tensor:
        """Attend inside windows: (S, B, W, N, 3·C) -> (S, B, W, N, C), the first `extra` tokens of no place.

        S may rise where the bias of places has streams.
        """

    @abstractmethod
    def join(self, windows: Tensor, like: Tensor) -> Tensor:
        """Put windows (S, B, W, N, C) together as the map that `like` is and they were cut from."""

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Any:
        """Return x (S, B, ..., C) attended; with extra tokens (S or 1, B or 1, P, C), both."""
        qkv = self.qkv(self.windows(x))
        if tokens is None:
            return self.proj(self.join(self.mix(qkv), x))
        extra = tokens.shape[2]
        mixed = self.mix(beside(self.qkv(tokens), qkv), extra)
        attended = self.proj(self.join(mixed[..., extra:, :], x))
        return attended, self.proj(mixed[..., :extra, :].mean(2))


def beside(tokens: Tensor, windows: Tensor) -> Tensor:
    """Put tokens (S, B, P, C) before the N of every window (S, B, W, N, C), where each S and B may be 1."""
    streams, batch = (max(a, b) for a, b in zip(tokens.shape[:2], windows.shape[:2], strict=True))
    outer = (streams, batch, windows.shape[2])
    parts = (tokens[:, :, None], windows)
    return torch.cat([part.expand(*outer, *part.shape[3:]) for part in parts], 3)


class Block(nn.Module, ABC):
    """Add to x what attention makes of its norm, and to that what the MLP makes of its norm.

    Any part may raise S from 1; the residual of one stream then broadcasts. Extra tokens take the same way
    beside x, where there are any.
    """

    norm1: nn.Module
    attn: nn.Module
    norm2: nn.Module
    mlp: nn.Module

    @abstractmethod
    def attention_branch(self, attended: Tensor) -> Tensor:
        """Return what the block adds to x (S, B, ..., C) of which attention made `attended`."""

    @abstractmethod
    def mlp_branch(self, x: Tensor) -> Tensor:
        """Return what the block adds to x (S, B, ..., C), or to extra tokens, after attention."""

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Transform x (S, B, ..., C), and tokens (S or 1, B or 1, P, C)."""
        if tokens is None:
            return self._transform(x, self.attn(self.norm1(x))), None
        attended, told = self.attn(self.norm1(x), self.norm1(tokens))
        return self._transform(x, attended), self._transform(tokens, told)

    def _transform(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.attention_branch(attended)
        return x + self.mlp_branch(x)


class Backbone(nn.Module, ABC):
    """Encode images into four levels of features, stream by stream.

    Inside, activations carry a leading stream axis: (S, B, ..., C), S = 1 while every task shares them, and
    S = 1 + T (shared, task 1 ... task T) or S = T (no shared stream) after an adapter fanned them out. Every
    replaceable submodule takes and returns such tensors, may raise S from 1, and relies on broadcasting: a
    residual of one stream adds to a fanned-out one. A stage ends with `features, x = self.branch(x)`.

    Besides the sites, an adapter may replace any linear layer or norm, a parameter of role `rel_pos_bias` by
    one with a leading stream axis, and the convolution that embeds patches by a module whose streams are
    folded into the batch: (B, 3, H, W) -> (S·B, C, h, w).
    """

    #: channels of the four levels
    channels: tuple[int, int, int, int]
    #: strides of the four levels with respect to the image
    strides: tuple[int, int, int, int]
    #: values that normalise an image in [0, 1], RGB
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    #: splits a stage's output (S, B, ...) into (streams for the decoder, streams for the next stage);
    #: an adapter may replace it, see `mtlbench.engine.streams.branch`
    branch: Callable[[Tensor], tuple[Tensor, Tensor]]
    #: None, or an adapter's module that brings extra tokens (S, B or 1, P, C), which blocks pass on beside x:
    #: called before stage i as `tokens(i, those that left the stage before, or None)`; it may return None
    tokens: nn.Module | None

    def __init__(self) -> None:
        super().__init__()
        self.tokens = None

    @abstractmethod
    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode a normalised image (B, 3, H, W) as four levels (S, B, C, h, w), S = 1 or T."""

    @abstractmethod
    def sites(self) -> tuple[Site, ...]:
        """List what adapters may replace, in the order of execution; taken before anything was replaced."""

    @abstractmethod
    def parameter_role(self, name: str) -> str:
        """Name the role of one own parameter, or of what took its place, by which the freezing rule selects.

        One of `patch_embed`, `norm`, `rel_pos_bias`, `pos_embed`, `reduction`, `attn`, `mlp`, `pyramid`
        (layers that are not pretrained and bring a plain transformer to four strides: these always train).
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a short hash of the pretrained weights (for records), `random` where there are none."""

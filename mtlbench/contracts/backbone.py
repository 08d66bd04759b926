"""The backbone contract: a pretrained encoder that yields a four-level feature pyramid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Site:
    """Locate one submodule that an adapter may replace.

    `path` is its name for `get_submodule` / `set_submodule`; `role` is one of `qkv`, `proj`, `fc1`, `fc2`
    (linear layers of a block), `reduction` (linear layer of a patch merging), `attn`, `mlp`, `norm1`, `norm2`
    (whole parts of a block). `stage` and `block` count from 0; `last` marks the last block of a stage.
    """

    path: str
    role: str
    stage: int
    block: int
    last: bool


class Backbone(nn.Module, ABC):
    """Encode images into four levels of features, stream by stream.

    Inside, activations carry a leading stream axis: (S, B, ..., C), S = 1 while every task shares them, and
    S = 1 + T (shared, task 1 ... task T) or S = T (no shared stream) after an adapter fanned them out. Every
    replaceable submodule takes and returns such tensors, may raise S from 1, and relies on broadcasting: a
    residual of one stream adds to a fanned-out one. A stage ends with `features, x = self.branch(x)`.
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

    @abstractmethod
    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode a normalised image (B, 3, H, W) as four levels (S, B, C, h, w), S = 1 or T."""

    @abstractmethod
    def sites(self) -> tuple[Site, ...]:
        """List what adapters may replace, in the order of execution; taken before anything was replaced."""

    @abstractmethod
    def parameter_role(self, name: str) -> str:
        """Name the role of one own parameter, by which the freezing rule selects.

        One of `patch_embed`, `norm`, `rel_pos_bias`, `pos_embed`, `reduction`, `attn`, `mlp`, `pyramid`
        (layers that are not pretrained and bring a plain transformer to four strides: these always train).
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a short hash of the pretrained weights (for records), `random` where there are none."""

"""The task contract: what is predicted at each pixel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

LabelKind = Literal["classes", "scalar", "inverse", "vector", "image"]


@dataclass(frozen=True)
class Metric:
    """Name one number of a meter, with its unit and its direction."""

    name: str
    unit: str
    higher_is_better: bool

    @property
    def arrow(self) -> str:
        """Return the arrow that tables print beside the name."""
        return "↑" if self.higher_is_better else "↓"


class Meter(ABC):
    """Accumulate additive statistics of predictions against labels.

    The result must not depend on batch size, order or sharding: `state` is a dict of float64 or int64 arrays,
    and merging two meters adds (or concatenates, keyed and sorted) their states.
    """

    @abstractmethod
    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add `prediction`, as `Task.decode` returns it, and `label`, as datasets yield it; sizes equal."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Return the sufficient statistics gathered so far."""

    @abstractmethod
    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add the statistics of another shard, or of one image; `state` itself stays as it is.

        The engine merges image by image, and an image several times where a bootstrap replicate draws it so.
        """

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Return every metric of this task as python floats; the primary one is among them."""


class Task(ABC):
    """Define one task: output channels, loss, meter, primary metric with its direction, palette.

    Labels inside a batch are tensors of the image's size: `classes` (B, H, W) uint8, 255 = void; `scalar`
    (B, H, W) float32, values <= 0 = void; `inverse` as `scalar`, for what grows as the camera comes nearer
    (disparity); `vector` (B, 3, H, W) float32 unit vectors, the zero vector = void; `image` (B, C, H, W)
    float32 in [0, 1], NaN in any channel = void. An image that lacks this label has void everywhere.
    """

    #: what one label pixel holds; tells transforms how to resize and flip it, and the collation what void is
    label_kind: LabelKind
    #: number of channels that the decoder must yield
    channels: int
    #: the metric that enters the multi-task metric
    primary: Metric

    @abstractmethod
    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return (sum of the loss over valid pixels, their number) for output (B, C, H, W), same size.

        Both are scalars; the engine divides by the number of valid pixels of the whole (global) batch, so
        that the loss does not depend on how a batch is cut over processes. Without a valid pixel: (0 with a
        graph, 0).
        """

    @abstractmethod
    def decode(self, output: Tensor) -> Tensor:
        """Turn raw output (B, C, H, W) into what the label holds: classes, probability, metres, vectors."""

    @abstractmethod
    def meter(self, mode: str = "native") -> Meter:
        """Return a fresh meter; `mode` is the board's evaluation mode, `native` or `legacy448`."""

    @abstractmethod
    def draw(self, label: np.ndarray) -> np.ndarray:
        """Colour one label or decoded prediction (H, W) or (3, H, W) as uint8 RGB (H, W, 3)."""

"""Regression of images, such as albedo or shading."""

from __future__ import annotations

from typing import Literal

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter, Metric, Task
from mtlbench.metrics.regression import AbsoluteErrorMeter
from mtlbench_tasks.palette import grey


class Regression(Task):
    """Predict `channels` values in [0, 1] per pixel.

    Loss: L1 or squared error, averaged over channels. Metric: mean absolute error. A pixel with NaN in any
    channel is void.

    Args:
        channels: 1 (grey), 2 (drawn as red and green) or 3 (colour).
        distance: `l1` or `mse`.
    """

    label_kind = "image"
    primary = Metric("mae", "", higher_is_better=False)

    def __init__(self, channels: Literal[1, 2, 3] = 3, distance: Literal["l1", "mse"] = "l1") -> None:
        self.channels = channels
        self.distance = distance

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed loss of outputs and labels (B, C, H, W) and the number of valid pixels."""
        valid = label.isfinite().all(1)
        mask = valid[:, None]
        error = output.float() - label.where(mask, 0.0)
        error = error.abs() if self.distance == "l1" else error.square()
        return (error * mask).sum() / self.channels, valid.sum()

    def decode(self, output: Tensor) -> Tensor:
        """Return values (B, C, H, W) float32, clipped to [0, 1]."""
        return output.float().clamp(0, 1)

    def meter(self, mode: str = "native") -> Meter:
        """Return absolute errors; both modes define them equally."""
        return AbsoluteErrorMeter()

    def draw(self, label: np.ndarray) -> np.ndarray:
        """Draw (C, H, W) as it is; void is black."""
        planes = np.where(np.isfinite(label).all(0), label, 0)
        if self.channels == 1:
            return grey(planes[0])
        colour = np.zeros((*planes.shape[1:], 3), np.uint8)
        colour[..., : self.channels] = np.stack([grey(plane)[..., 0] for plane in planes], axis=-1)
        return colour

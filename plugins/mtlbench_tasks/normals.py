"""Surface normals."""

from __future__ import annotations

from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from mtlbench.contracts.task import Meter, Metric, Task
from mtlbench.metrics.normals import NormalsMeter


class Normals(Task):
    """Predict the unit normal of the surface at each pixel.

    Loss: L1 of the normalised output, averaged over the three channels (so that the literature's weight of 10
    means here what it means in the MTLoRA line; InvPT sums over them). Metric: mean angular error in degrees,
    which the MTLoRA line prints as "rmse".

    Args:
        distance: `l1`, or `cosine` for 1 - cos of the angle, the loss of the MTAN line.
    """

    label_kind = "vector"
    channels = 3
    primary = Metric("mErr", "°", higher_is_better=False)

    def __init__(self, distance: Literal["l1", "cosine"] = "l1") -> None:
        self.distance = distance

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed loss of outputs (B, 3, H, W) and the number of pixels whose label is no void."""
        valid = label.isfinite().all(1) & (label != 0).any(1)
        mask = valid[:, None]
        unit, label = F.normalize(output.float(), dim=1), label.where(mask, 0.0)
        if self.distance == "cosine":
            return ((1 - (unit * label).sum(1)) * valid).sum(), valid.sum()
        error = (unit - label).abs()
        return (error * mask).sum() / self.channels, valid.sum()

    def decode(self, output: Tensor) -> Tensor:
        """Return unit vectors (B, 3, H, W) float32."""
        return F.normalize(output.float(), dim=1)

    def meter(self, mode: str = "native") -> Meter:
        """Return angular errors; both modes define them equally."""
        return NormalsMeter()

    def draw(self, label: np.ndarray) -> np.ndarray:
        """Colour vectors (3, H, W) as (n + 1) / 2; void is black."""
        rgb = np.round(255 * (np.nan_to_num(label) + 1) / 2).clip(0, 255) * (label != 0).any(0)
        return np.moveaxis(rgb, 0, -1).astype(np.uint8)

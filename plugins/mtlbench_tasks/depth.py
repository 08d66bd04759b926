"""Depth."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib import colormaps
from torch import Tensor

from mtlbench.contracts.task import Meter, Metric, Task
from mtlbench.metrics.depth import DepthMeter

NEAREST = 1e-3  # a decoded depth is never smaller, so that ratios and logarithms exist


class Depth(Task):
    """Predict the depth of each pixel in metres, or its inverse.

    Loss: L1 of the raw output. Metric: `metric` in the unit of the label over all valid pixels. Pixels are
    valid where the label is finite and > 0, in the meter also < `max_depth`.

    Args:
        max_depth: value from which on labels are not scored.
        draw_to: value at which the colour scale ends; the same for labels and predictions.
        inverse: whether labels hold inverse depth (disparity), as the Cityscapes literature has it; errors
            are then errors of inverse depth and say nothing in metres.
        unit: of the label; empty where it has none.
        metric: the primary metric: `rmse`, or the mean absolute error `abs_err` of the MTAN line, which is
            among the metrics only then.
    """

    channels = 1

    def __init__(
        self,
        max_depth: float = float("inf"),
        draw_to: float = 10.0,
        inverse: bool = False,
        unit: str = "m",
        metric: Literal["rmse", "abs_err"] = "rmse",
    ) -> None:
        self.max_depth = max_depth
        self.draw_to = draw_to
        self.label_kind = "inverse" if inverse else "scalar"
        self.primary = Metric(metric, unit, higher_is_better=False)

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed |output − label| (B, 1, H, W), (B, H, W) and the number of valid pixels."""
        valid = label.isfinite() & (label > 0)
        error = (output[:, 0].float() - label.where(valid, 0.0)).abs()
        return (error * valid).sum(), valid.sum()

    def decode(self, output: Tensor) -> Tensor:
        """Return depth (B, H, W) float32, at least 0.001."""
        return output[:, 0].float().clamp_min(NEAREST)

    def meter(self, mode: str = "native") -> Meter:
        """Return depth errors; both modes define them equally."""
        return DepthMeter(self.max_depth, absolute=self.primary.name == "abs_err")

    def draw(self, label: np.ndarray) -> np.ndarray:
        """Colour depth (H, W) with `viridis`, near is bright; void is black."""
        valid = np.isfinite(label) & (label > 0)
        share = np.clip(np.where(valid, label, 0) / self.draw_to, 0, 1)
        near = share if self.label_kind == "inverse" else 1 - share
        return colormaps["viridis"](near, bytes=True)[..., :3] * valid[..., None].astype(np.uint8)

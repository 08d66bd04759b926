"""Semantic segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from mtlbench.contracts.task import Meter, Metric, Task
from mtlbench.metrics.boundary import BoundaryMeter
from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench.metrics.together import Together
from mtlbench_tasks import palette as colours

VOID = 255


class SemSeg(Task):
    """Predict one of `classes` classes per pixel.

    Loss: cross entropy, unweighted. Metric: mIoU in percent.

    Args:
        classes: number of classes, without void.
        palette: RGB colours 0 ... 255, one per class; distinct ones by default.
        absent: what classes count that occur in neither labels nor predictions: `skip` leaves them out of the
            mean, `zero` counts them 0. By default `zero` in mode `legacy448` and `skip` else.
        boundary: tolerance of the further metric `boundary F` as a fraction of the diagonal, such as 0.0075;
            without it, that metric is not taken.
    """

    label_kind = "classes"
    primary = Metric("mIoU", "%", higher_is_better=True)

    def __init__(
        self,
        classes: int,
        palette: Sequence[Sequence[int]] | None = None,
        absent: Literal["skip", "zero"] | None = None,
        boundary: float | None = None,
    ) -> None:
        self.channels = classes
        self.absent = absent
        self.boundary = boundary
        self.palette = colours.distinct(classes) if palette is None else np.array(palette, dtype=np.uint8)

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed cross entropy of logits (B, C, H, W) and the number of valid pixels."""
        total = F.cross_entropy(output.float(), label.long(), ignore_index=VOID, reduction="sum")
        return total, (label != VOID).sum()

    def decode(self, output: Tensor) -> Tensor:
        """Return the likeliest class (B, H, W) int64."""
        return output.argmax(1)

    def meter(self, mode: str = "native") -> Meter:
        """Return a confusion matrix, with outlines beside it where they are asked for."""
        absent: Literal["skip", "zero"] = self.absent or ("zero" if mode == "legacy448" else "skip")
        matrix = ConfusionMeter(self.channels, absent)
        return matrix if self.boundary is None else Together(matrix, BoundaryMeter(self.boundary))

    def draw(self, label: np.ndarray) -> np.ndarray:
        """Colour classes (H, W); void is black."""
        table = np.tile(np.array(colours.VOID, dtype=np.uint8), (256, 1))
        table[: self.channels] = self.palette
        return table[label]

"""Human part segmentation."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mtlbench.contracts.task import Meter
from mtlbench.metrics.confusion import ConfusionMeter
from mtlbench_tasks.semseg import VOID, SemSeg


class HumanParts(SemSeg):
    """Predict the human part (or background, class 0) at each pixel.

    As `SemSeg`, but an image whose label shows no part is void everywhere, in loss and meter, as in the
    PASCAL-Context literature; `keep_empty` scores such images as background instead.

    Args:
        classes: parts and background; 7 in the literature.
        palette: RGB colours, one per class.
        keep_empty: whether images without a part count.
    """

    def __init__(
        self, classes: int = 7, palette: Sequence[Sequence[int]] | None = None, keep_empty: bool = False
    ) -> None:
        super().__init__(classes, palette)
        self.keep_empty = keep_empty

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed cross entropy and the number of valid pixels, of images with people."""
        return super().loss(output, label if self.keep_empty else without_empty(label))

    def meter(self, mode: str = "native") -> Meter:
        """Return a confusion matrix over images with people."""
        absent = "zero" if mode == "legacy448" else "skip"
        return (ConfusionMeter if self.keep_empty else _PeopleMeter)(self.channels, absent)


class _PeopleMeter(ConfusionMeter):
    def update(self, prediction: Tensor, label: Tensor) -> None:
        super().update(prediction, without_empty(label))


def without_empty(label: Tensor) -> Tensor:
    """Return labels (B, H, W) with every image that shows no part turned to void."""
    empty = ((label == 0) | (label == VOID)).flatten(1).all(1)
    return label.masked_fill(empty[:, None, None], VOID) if empty.any() else label

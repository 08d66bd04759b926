"""Saliency."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from mtlbench.contracts.task import Meter, Metric
from mtlbench.metrics.saliency import SaliencyMeter
from mtlbench_tasks.binary import VOID, Binary, weighted_bce


class Saliency(Binary):
    """Predict the probability that a pixel is salient.

    Loss: binary cross entropy in which salient pixels weigh the share of other pixels, and the reverse (HED,
    Xie and Tu, ICCV 2015). The share is taken per IMAGE: the MTLoRA line takes it per batch, so its loss
    depends on how a batch is cut over processes and accumulation steps. An image all salient, or not at all,
    has loss 0 either way.

    Args:
        metric: the primary metric: `maxF` (β² = 0.3, as ATRC and InvPT) or `fgIoU` (which the MTLoRA line
            prints as saliency mIoU); the meter yields both.
    """

    def __init__(self, metric: Literal["maxF", "fgIoU"] = "maxF") -> None:
        self.primary = Metric(metric, "%", higher_is_better=True)

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed balanced cross entropy of logits (B, 1, H, W) and the number of valid pixels."""
        valid = (label != VOID).sum((1, 2), keepdim=True)
        others = (label == 0).sum((1, 2), keepdim=True)
        return weighted_bce(output, label, others / valid.clamp_min(1))

    def meter(self, mode: str = "native") -> Meter:
        """Return F-measure and foreground IoU; both modes define them equally."""
        return SaliencyMeter()

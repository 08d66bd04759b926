"""Attributes of a whole image."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mtlbench.contracts.task import Meter, Metric
from mtlbench.metrics.attribute import AttributeMeter
from mtlbench_tasks.binary import VOID, Binary


class Attribute(Binary):
    """Predict the probability that an image has an attribute.

    The label is a map that holds 0 or 1 at every pixel (void where padding or rotation left nothing), so that
    transforms and batches treat it as any other. Loss: binary cross entropy of the mean of the logits over
    the pixels that are not void, once per image. Metric: share of images for which p > 0.5 is wrong.
    """

    primary = Metric("error", "%", higher_is_better=False)

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed cross entropy of images and the number of images that are not all void.

        `output` holds logits (B, 1, H, W), `label` 0, 1 or 255 = void (B, H, W).
        """
        valid = (label != VOID).flatten(1)
        pixels = valid.sum(1)
        logit = (output[:, 0].float().flatten(1) * valid).sum(1) / pixels.clamp_min(1)
        target = ((label.flatten(1) == 1) & valid).any(1).float()
        loss = F.binary_cross_entropy_with_logits(logit, target, reduction="none")
        seen = pixels > 0
        return (loss * seen).sum(), seen.sum()

    def decode(self, output: Tensor) -> Tensor:
        """Return the image's probability at every pixel, (B, H, W) float32."""
        logits = output[:, 0].float()
        return logits.mean((1, 2), keepdim=True).sigmoid().expand_as(logits)

    def meter(self, mode: str = "native") -> Meter:
        """Return the accuracy over images; both modes define it equally."""
        return AttributeMeter()

"""What edge and saliency share: one logit, one probability."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from mtlbench.contracts.task import Task
from mtlbench_tasks.palette import grey

VOID = 255


class Binary(Task):
    """Predict the probability of one class per pixel."""

    label_kind = "classes"
    channels = 1

    def decode(self, output: Tensor) -> Tensor:
        """Return the probability (B, H, W) float32."""
        return output[:, 0].float().sigmoid()

    def draw(self, label: np.ndarray) -> np.ndarray:
        """Colour labels 0, 1, 255 = void or probabilities (H, W) in grey; void is black."""
        return grey(np.where(label == VOID, 0, label))


def weighted_bce(output: Tensor, label: Tensor, positive: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return Σ w · BCE over valid pixels and their number.

    w = `positive` where the label is 1 and 1 − `positive` where it is 0.     `output` holds logits (B, 1, H,
    W), `label` 0, 1 or 255 = void (B, H, W); `positive` is a number or (B, 1, 1).
    """
    valid = label != VOID
    target = ((label > 0) & valid).float()
    weight = (target * positive + (1 - target) * (1 - positive)) * valid
    loss = F.binary_cross_entropy_with_logits(output[:, 0].float(), target, reduction="none")
    return (loss * weight).sum(), valid.sum()

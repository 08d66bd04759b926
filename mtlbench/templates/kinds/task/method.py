"""Depth, judged by its logarithm."""

import numpy as np
import torch
from torch import Tensor

from mtlbench.contracts.task import Meter, Metric, Task


class {{Class}}(Task):
    """Predict the logarithm of metres by L1; the metric is the mean absolute error of the logarithm."""

    label_kind = "scalar"  # labels (B, H, W) in metres, nothing known where they are not positive
    channels = 1
    primary = Metric("logMAE", "", higher_is_better=False)

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed absolute error over valid pixels, and their number."""
        valid = label > 0
        error = (output[:, 0] - torch.where(valid, label, 1.0).log()).abs()
        return torch.where(valid, error, 0 * error).sum(), valid.sum()

    def decode(self, output: Tensor) -> Tensor:
        """Turn raw output (B, 1, H, W) into metres (B, H, W)."""
        return output[:, 0].exp()

    def meter(self, mode: str = "native") -> Meter:
        """Return a fresh meter; both modes score alike."""
        return LogError()

    def draw(self, label: np.ndarray) -> np.ndarray:
        """Colour metres (H, W) as grey (H, W, 3), near is bright."""
        grey = np.where(label > 0, 255 / (1 + np.maximum(label, 0)), 0).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)


class LogError(Meter):
    """Add up |log prediction - log label| and the number of pixels."""

    def __init__(self) -> None:
        self.sums = np.zeros(2)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add predictions (B, H, W) in metres."""
        valid = label > 0
        error = (prediction[valid].double().log() - label[valid].double().log()).abs()
        self.sums = self.sums + [float(error.sum()), float(valid.sum())]

    def state(self) -> dict[str, np.ndarray]:
        """Return the two sums."""
        return {"sums": self.sums}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add those of another shard."""
        self.sums = self.sums + state["sums"]

    def compute(self) -> dict[str, float]:
        """Return the mean; not a number without a pixel."""
        return {"logMAE": float(self.sums[0] / self.sums[1]) if self.sums[1] else float("nan")}

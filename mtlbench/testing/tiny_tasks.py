"""Tasks with plain losses, so that suites of other kinds need no plugin."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mtlbench.contracts.task import Meter, Metric, Task


class MeanError(Meter):
    """Average a loss over pixels."""

    def __init__(self, task: Task, name: str) -> None:
        self.task, self.name = task, name
        self.sums = np.zeros(2)

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add the error of predictions."""
        total, count = self.task.loss(prediction, label)
        self.sums += [float(total), float(count)]

    def state(self) -> dict[str, np.ndarray]:
        """Return the sum and the number of pixels."""
        return {"sums": self.sums}

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        self.sums = self.sums + state["sums"]

    def compute(self) -> dict[str, float]:
        """Return the mean."""
        return {self.name: float(self.sums[0] / max(self.sums[1], 1))}


class _Tiny(Task):
    primary = Metric("error", "", False)

    def decode(self, output: Tensor) -> Tensor:
        return output

    def meter(self, mode: str = "native") -> Meter:
        return MeanError(self, "error")

    def draw(self, label: np.ndarray) -> np.ndarray:
        flat = label if label.ndim == 2 else label[0]
        return np.repeat(np.clip(flat * 64, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


class TinyDepth(_Tiny):
    """Regress positive values by L1."""

    label_kind = "scalar"
    channels = 1

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed absolute error of pixels with a positive label, and their number."""
        valid = label > 0
        error = (output[:, 0] - label).abs()
        return torch.where(valid, error, 0 * error).sum(), valid.sum()


class TinyNormals(_Tiny):
    """Regress unit vectors by L1."""

    label_kind = "vector"
    channels = 3

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed absolute error of pixels that have a vector, and their number."""
        valid = label.abs().sum(1) > 0
        error = (nn_normalise(output) - label).abs().sum(1)
        return torch.where(valid, error, 0 * error).sum(), valid.sum()


class TinySegmentation(_Tiny):
    """Tell four classes apart by cross entropy."""

    label_kind = "classes"
    channels = 4

    def loss(self, output: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed cross entropy of pixels that are not void, and their number."""
        total = torch.nn.functional.cross_entropy(output, label.long(), ignore_index=255, reduction="sum")
        return total, (label != 255).sum()


def nn_normalise(output: Tensor) -> Tensor:
    """Return vectors of length one."""
    return torch.nn.functional.normalize(output, dim=1)

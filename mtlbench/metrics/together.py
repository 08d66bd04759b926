"""Several meters on the same maps."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mtlbench.contracts.task import Meter


class Together(Meter):
    """Put the metrics of several meters side by side; no two may share a metric's name."""

    def __init__(self, *meters: Meter) -> None:
        self.meters = meters

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Add a batch to every meter."""
        for meter in self.meters:
            meter.update(prediction, label)

    def state(self) -> dict[str, np.ndarray]:
        """Return every meter's statistics under ``<its number>.<name>``."""
        return {
            f"{number}.{name}": array
            for number, meter in enumerate(self.meters)
            for name, array in meter.state().items()
        }

    def merge(self, state: dict[str, np.ndarray]) -> None:
        """Add another shard."""
        for number, meter in enumerate(self.meters):
            own = f"{number}."
            meter.merge(
                {name.removeprefix(own): array for name, array in state.items() if name.startswith(own)}
            )

    def compute(self) -> dict[str, float]:
        """Return the metrics of all meters."""
        return {name: value for meter in self.meters for name, value in meter.compute().items()}

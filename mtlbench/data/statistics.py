"""Add up what images and labels hold, over any number of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClassStatistics:
    """Count the pixels of labels of kind `classes`.

    Attributes:
        labels: how many.
        empty: how many of them show nothing but class 0 and void.
        pixels: int64 (256,), per class; 255 = void.
    """

    labels: int
    empty: int
    pixels: np.ndarray

    @classmethod
    def of(cls, label: np.ndarray) -> ClassStatistics:
        """Count one label, uint8 (H, W)."""
        pixels = np.bincount(label.ravel(), minlength=256)
        return cls(1, int(not pixels[1:255].any()), pixels)

    def __add__(self, other: ClassStatistics) -> ClassStatistics:
        pixels = self.pixels + other.pixels
        return ClassStatistics(self.labels + other.labels, self.empty + other.empty, pixels)

    def __str__(self) -> str:
        *classes, void = self.pixels / self.pixels.sum()
        shares = ", ".join(f"{number} {share:.2%}" for number, share in enumerate(classes) if share)
        empty = f", {self.empty} with nothing but class 0" if self.empty else ""
        return f"{self.labels} of uint8{empty}; void {void:.2%}; classes {shares or 'none'}"


@dataclass(frozen=True)
class ValueStatistics:
    """Add up the values of photos, and of labels of the other kinds.

    Attributes:
        labels: how many.
        dtype: of the arrays.
        pixels: how many.
        valid: how many of them hold a value.
        low: smallest value of a valid pixel.
        high: largest one.
        sums: float64 (C,), per channel over valid pixels.
    """

    labels: int
    dtype: str
    pixels: int
    valid: int
    low: float
    high: float
    sums: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray, valid: np.ndarray) -> ValueStatistics:
        """Add up one array (H, W) or (H, W, C) where `valid` (H, W)."""
        values = array.reshape(valid.size, -1)[valid.ravel()]
        low, high = (float(values.min()), float(values.max())) if len(values) else (np.inf, -np.inf)
        sums = values.sum(0, dtype=np.float64)
        return cls(1, array.dtype.name, valid.size, len(values), low, high, sums)

    def __add__(self, other: ValueStatistics) -> ValueStatistics:
        return ValueStatistics(
            self.labels + other.labels,
            self.dtype,
            self.pixels + other.pixels,
            self.valid + other.valid,
            min(self.low, other.low),
            max(self.high, other.high),
            self.sums + other.sums,
        )

    def __str__(self) -> str:
        text = f"{self.labels} of {self.dtype}; void {1 - self.valid / self.pixels:.2%}"
        if not self.valid:
            return text
        means = ", ".join(f"{mean:.4g}" for mean in self.sums / self.valid)
        return f"{text}; values {self.low:.4g} to {self.high:.4g}, mean {means}"


Statistics = ClassStatistics | ValueStatistics

MEASURES: dict[str, Callable[[np.ndarray], Statistics]] = {
    "photo": lambda image: ValueStatistics.of(image, np.ones(image.shape[:2], bool)),
    "classes": ClassStatistics.of,
    "scalar": lambda label: ValueStatistics.of(label, label > 0),
    "inverse": lambda label: ValueStatistics.of(label, label > 0),
    "vector": lambda label: ValueStatistics.of(label, (label != 0).any(-1)),
    "image": lambda label: ValueStatistics.of(label, ~np.isnan(label).any(-1)),
}
"""How to measure one array, by label kind, with `photo` for the image itself."""

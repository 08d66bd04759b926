"""Sums of real numbers that do not depend on the order in which images arrive."""

from __future__ import annotations

import math

import numpy as np


class ImageSums:
    """Keep one row of float64 sums per image; add the rows with one rounding (`math.fsum`).

    A row is computed from one image alone, so it does not depend on the batch; an exactly rounded sum of rows
    does not depend on their order. So totals are bit-identical for every batch size, order and sharding.
    """

    def __init__(self, columns: int) -> None:
        self._rows = np.empty((0, columns))
        self._pending: list[np.ndarray] = []

    def add(self, row: np.ndarray) -> None:
        """Add the sums of one image (columns,)."""
        self._pending.append(np.asarray(row, dtype=np.float64)[None])

    def rows(self) -> np.ndarray:
        """Return all rows (images, columns), sorted, so that equal sets of images give equal arrays."""
        if self._pending:
            rows = np.concatenate([self._rows, *self._pending])
            self._rows, self._pending = rows[np.lexsort(rows.T[::-1])], []
        return self._rows

    def merge(self, rows: np.ndarray) -> None:
        """Add the rows of another shard."""
        self._pending.append(rows)

    def totals(self) -> np.ndarray:
        """Return the correctly rounded sum of every column (columns,)."""
        return np.array([math.fsum(column) for column in self.rows().T])

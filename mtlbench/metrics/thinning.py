"""Thin masks to lines of one pixel's width."""

from __future__ import annotations

import numpy as np

# neighbours x1 ... x8: east, then counter-clockwise, as (row, column)
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def thin(mask: np.ndarray) -> np.ndarray:
    """Thin boolean masks (..., H, W) until nothing changes; outside of the image is background.

    The parallel algorithm with two sub-iterations of Guo and Hall (CACM 1989) in the form of Lam, Lee and
    Suen (TPAMI 1992), which is what MATLAB's `bwmorph(..., 'thin', Inf)` does. Keeps topology and line ends.
    """
    padded = np.pad(mask, [(0, 0)] * (mask.ndim - 2) + [(1, 1), (1, 1)])
    flat = padded.reshape(-1).view(np.uint8)
    offsets = [row * padded.shape[-1] + column for row, column in _NEIGHBOURS]
    alive = np.flatnonzero(flat)
    while True:
        before = alive.size
        for deletable in _DELETABLE:
            code = np.zeros(alive.size, dtype=np.uint8)
            for bit, offset in enumerate(offsets):
                code |= flat[alive + offset] << bit
            gone = deletable[code]
            flat[alive[gone]] = 0
            alive = alive[~gone]
        if alive.size == before:
            return padded[..., 1:-1, 1:-1].copy()


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Tabulate, per code of eight neighbours, whether each sub-iteration deletes the pixel (G1-G3)."""
    x1, x2, x3, x4, x5, x6, x7, x8 = ((np.arange(256)[None] >> np.arange(8)[:, None]) & 1).astype(bool)
    ring = (x1, x2, x3, x4, x5, x6, x7, x8, x1)
    crossings = sum((~ring[i] & (ring[i + 1] | ring[i + 2])).astype(int) for i in (0, 2, 4, 6))
    first = sum((ring[i] | ring[i + 1]).astype(int) for i in (0, 2, 4, 6))
    second = sum((ring[i] | ring[i + 1]).astype(int) for i in (1, 3, 5, 7))
    fewest = np.minimum(first, second)
    border = (crossings == 1) & (fewest >= 2) & (fewest <= 3)
    return border & ~((x2 | x3 | ~x8) & x1), border & ~((x6 | x7 | ~x4) & x5)


_DELETABLE = _tables()

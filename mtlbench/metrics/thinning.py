"""Thin masks to lines of one pixel's width."""

from __future__ import annotations

import numpy as np

# neighbours x1 ... x8: east, then counter-clockwise, as (row, column)
_NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
_WORD = 32  # masks that are thinned together, each in one bit of every pixel's word


def thin(mask: np.ndarray) -> np.ndarray:
    """Thin boolean masks (..., H, W) until nothing changes; outside of the image is background.

    The parallel algorithm with two sub-iterations of Guo and Hall (CACM 1989) in the form of Lam, Lee and
    Suen (TPAMI 1992), which is what MATLAB's `bwmorph(..., 'thin', Inf)` does. Keeps topology and line ends.
    """
    thinned = np.empty(mask.shape, dtype=bool)
    masks, lines = (array.reshape(-1, *mask.shape[-2:]) for array in (mask, thinned))
    for first in range(0, len(masks), _WORD):
        group = masks[first : first + _WORD]
        words = np.zeros(np.add(mask.shape[-2:], 2), dtype=np.uint32)
        inside = words[1:-1, 1:-1]
        for bit, one in enumerate(group):
            inside |= one.astype(np.uint32) << np.uint32(bit)
        _thin(words)
        for bit in range(len(group)):
            lines[first + bit] = inside >> np.uint32(bit) & np.uint32(1)
    return thinned


def _thin(words: np.ndarray) -> None:
    """Thin the masks in all bits of `words` in place; its outermost rows and columns are background.

    A pixel is due in a sub-iteration at first, and again once one of its neighbours is gone: what was kept
    among the same neighbours would be kept again.
    """
    flat = words.reshape(-1)
    steps = [row * words.shape[1] + column for row, column in _NEIGHBOURS]
    due = np.array([flat != 0] * 2)
    while due.any():
        for second, here in enumerate(due):
            pixels = np.flatnonzero(here)
            here[pixels] = False
            pixels = pixels[flat[pixels] != 0]
            gone = flat[pixels] & _deletable([flat[pixels + step] for step in steps], bool(second))
            changed = np.flatnonzero(gone)
            pixels = pixels[changed]
            flat[pixels] ^= gone[changed]
            for step in steps:
                due[:, pixels + step] = True


def _deletable(ring: list[np.ndarray], second: bool) -> np.ndarray:
    """Say, bit by bit, whether a sub-iteration deletes pixels with the neighbours x1 ... x8 (G1-G3)."""
    x1, x2, x3, x4, x5, x6, x7, x8 = ring
    odd, even = (x1 | x2, x3 | x4, x5 | x6, x7 | x8), (x2 | x3, x4 | x5, x6 | x7, x8 | x1)
    a, b, c, d = (pair & ~x for pair, x in zip(even, (x1, x3, x5, x7), strict=True))
    one_crossing = (a ^ b) & ~(c | d) | (c ^ d) & ~(a | b)
    kept = (x6 | x7 | ~x4) & x5 if second else (x2 | x3 | ~x8) & x1
    return one_crossing & _two_of(*odd) & _two_of(*even) & ~(_all_of(*odd) & _all_of(*even)) & ~kept


def _two_of(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    return a & b | c & d | (a | b) & (c | d)


def _all_of(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    return a & b & c & d

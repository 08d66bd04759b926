"""Colours of labels."""

from __future__ import annotations

import colorsys

import numpy as np

VOID = (0, 0, 0)
_GOLDEN = 0.618033988749895


def distinct(count: int) -> np.ndarray:
    """Return `count` RGB colours, uint8 (count, 3), none of them black, neighbours far apart in hue."""
    shades = ((0.75, 0.95), (0.75, 0.7), (0.5, 0.95), (0.5, 0.7))  # saturation, value
    colours = [colorsys.hsv_to_rgb(k * _GOLDEN % 1, *shades[k % 4]) for k in range(count)]
    return np.round(255 * np.array(colours)).astype(np.uint8)


def grey(value: np.ndarray) -> np.ndarray:
    """Return values (H, W) in [0, 1] as grey uint8 RGB (H, W, 3); NaN is black."""
    level = np.round(255 * np.clip(np.nan_to_num(value, nan=0.0), 0, 1)).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=-1)

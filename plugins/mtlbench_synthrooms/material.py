"""Define materials, how they are drawn by chance, and the usual ranges of household surfaces."""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import numpy as np

WOOD = {
    "patterns": "wood plain wood",
    "hue": (0.04, 0.11),
    "saturation": (0.3, 0.65),
    "value": (0.35, 0.8),
    "scale": (0.08, 0.25),
}
PAINT = {"patterns": "plain wood", "saturation": (0.0, 0.35), "value": (0.55, 0.95), "contrast": (0.05, 0.2)}
FABRIC = {
    "patterns": "plain plain stripes checker mosaic",
    "saturation": (0.15, 0.7),
    "value": (0.25, 0.8),
    "scale": (0.03, 0.12),
}
LINEN = {
    "patterns": "plain stripes checker mosaic",
    "saturation": (0.02, 0.5),
    "value": (0.6, 0.97),
    "scale": (0.06, 0.2),
}


class Material(NamedTuple):
    """A two-colour pattern, one of `pattern.PATTERNS`.

    `light` and `dark` are RGB in [0, 1] as displayed; `scale` is the period of the pattern in metres; `glow`
    in [0, 1] is the least shading of the surface, for things that emit light; `key` varies the random
    patterns.
    """

    pattern: str
    light: tuple[float, float, float]
    dark: tuple[float, float, float]
    scale: float
    glow: float
    key: int


def draw_material(
    rng: np.random.Generator,
    patterns: str,
    hue=(0.0, 1.0),
    saturation=(0.1, 0.6),
    value=(0.4, 0.9),
    contrast=(0.1, 0.45),
    scale=(0.1, 0.4),
    glow: float = 0.0,
) -> Material:
    """Draw a material from ranges: HSV in [0, 1] (a hue beyond 1 wraps), `patterns` separated by spaces."""
    choices = patterns.split()
    h, s, v = rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*value)
    darker = v * (1.0 - rng.uniform(*contrast))
    return Material(
        choices[rng.integers(len(choices))],
        colorsys.hsv_to_rgb(h, s, v),
        colorsys.hsv_to_rgb((h + rng.uniform(-0.06, 0.06)) % 1.0, min(1.0, 1.2 * s), darker),
        rng.uniform(*scale),
        glow,
        int(rng.integers(1 << 16)),
    )

"""Build the flat pieces of a room: doors, windows and pictures on walls, rugs on the floor.

Wall pieces stand in a frame whose wall is z = 0 with the room at z > 0 and the floor at y = 0; metres.
"""

from __future__ import annotations

import itertools

import numpy as np

from .material import PAINT, WOOD, draw_material
from .solid import Part, box


def door(rng: np.random.Generator) -> list[Part]:
    """Build a closed door: frame, leaf, up to two panels and a handle."""
    frame, leaf = draw_material(rng, **PAINT), draw_material(rng, **(WOOD if rng.random() < 0.6 else PAINT))
    metal = draw_material(rng, "plain", saturation=(0.0, 0.3), value=(0.3, 0.8))
    w, h, side = rng.uniform(0.8, 1.0), rng.uniform(1.95, 2.1), rng.choice((-1, 1))
    parts = [
        box((-w / 2 - 0.07, w / 2 + 0.07), (0, h + 0.07), (0, 0.02), frame),
        box((-w / 2, w / 2), (0.01, h), (0.02, 0.04), leaf),
    ]
    if rng.random() < 0.6:
        parts += [
            box((-w / 2 + 0.12, w / 2 - 0.12), y, (0.04, 0.05), leaf) for y in ((0.15, 0.85), (1.1, h - 0.12))
        ]
    return [
        *parts,
        box((side * (w / 2 - 0.1) - 0.05, side * (w / 2 - 0.1) + 0.05), (1.0, 1.03), (0.04, 0.09), metal),
    ]


def window(rng: np.random.Generator) -> list[Part]:
    """Build a window of one to three bright panes in a frame with a sill."""
    frame = draw_material(rng, **PAINT)
    sky = draw_material(
        rng,
        "plain bars",
        hue=(0.5, 0.62),
        saturation=(0.05, 0.4),
        value=(0.8, 1.0),
        contrast=(0.02, 0.15),
        scale=(0.2, 0.9),
        glow=rng.uniform(0.7, 1.0),
    )
    w, low, high = rng.uniform(0.8, 2.0), rng.uniform(0.8, 1.1), rng.uniform(1.9, 2.2)
    panes = max(1, round(w / rng.uniform(0.5, 0.9)))
    parts = [
        box((-w / 2, w / 2), (low, high), (0, 0.04), frame),
        box((-w / 2 - 0.05, w / 2 + 0.05), (low - 0.04, low), (0, 0.14), frame),
    ]
    edges = np.linspace(-w / 2, w / 2, panes + 1)
    return parts + [
        box((a + 0.05, b - 0.05), (low + 0.06, high - 0.06), (0.04, 0.042), sky)
        for a, b in itertools.pairwise(edges)
    ]


def picture(rng: np.random.Generator) -> list[Part]:
    """Build a framed picture or poster of coloured cells."""
    frame = draw_material(rng, **WOOD)
    canvas = draw_material(
        rng,
        "mosaic stripes checker plain bars",
        saturation=(0.2, 0.9),
        value=(0.5, 1.0),
        contrast=(0.3, 0.8),
        scale=(0.05, 0.2),
    )
    w, h, y = rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.75), rng.uniform(1.45, 1.65)
    return [
        box((-w / 2, w / 2), (y - h / 2, y + h / 2), (0, 0.025), frame),
        box((-w / 2 + 0.04, w / 2 - 0.04), (y - h / 2 + 0.04, y + h / 2 - 0.04), (0.025, 0.028), canvas),
    ]


def rug(rng: np.random.Generator) -> list[Part]:
    """Build a rectangular or oval rug of 12 mm height around the origin."""
    weave = draw_material(
        rng,
        "checker stripes mosaic plain",
        saturation=(0.2, 0.8),
        value=(0.3, 0.85),
        contrast=(0.2, 0.6),
        scale=(0.08, 0.3),
    )
    w, d = rng.uniform(1.2, 2.6), rng.uniform(0.9, 1.8)
    shape = ("box", "box", "cylinder")[rng.integers(3)]
    return [box((-w / 2, w / 2), (0, 0.012), (-d / 2, d / 2), weave, shape)]


FIXTURES = {"door": door, "window": window, "picture": picture}

"""Build lamps from cylinders and ellipsoids, in the frame of `furniture`; the shade is the last part."""

from __future__ import annotations

import numpy as np

from .material import Material, draw_material
from .solid import Part, box


def lamp(rng: np.random.Generator) -> list[Part]:
    """Build a floor lamp: foot, pole and a drum or globe as the shade."""
    metal = draw_material(rng, "plain", saturation=(0.0, 0.3), value=(0.1, 0.6))
    h, r, drum = rng.uniform(1.3, 1.75), rng.uniform(0.14, 0.24), rng.random() < 0.6
    return [
        box((-0.14, 0.14), (0, 0.03), (-0.14, 0.14), metal, "cylinder"),
        box((-0.015, 0.015), (0, h - 0.2), (-0.015, 0.015), metal, "cylinder"),
        box(
            (-r, r),
            (h - (0.28 if drum else 2 * r), h),
            (-r, r),
            _shade(rng),
            "cylinder" if drum else "ellipsoid",
        ),
    ]


def pendant(rng: np.random.Generator) -> list[Part]:
    """Build a lamp that hangs from a ceiling at y = 0: cord and shade."""
    metal = draw_material(rng, "plain", saturation=(0.0, 0.3), value=(0.1, 0.5))
    drop, r = rng.uniform(0.25, 0.6), rng.uniform(0.13, 0.28)
    shade = (-r, r), (-drop - rng.uniform(0.8, 1.6) * r, -drop), (-r, r)
    return [
        box((-0.01, 0.01), (-drop, 0), (-0.01, 0.01), metal, "cylinder"),
        box(*shade, _shade(rng), ("cylinder", "ellipsoid")[rng.integers(2)]),
    ]


def _shade(rng: np.random.Generator) -> Material:
    return draw_material(
        rng,
        "plain stripes",
        hue=(0.05, 0.16),
        saturation=(0.05, 0.35),
        value=(0.85, 1.0),
        contrast=(0.05, 0.15),
        scale=(0.02, 0.05),
        glow=rng.uniform(0.55, 0.95),
    )

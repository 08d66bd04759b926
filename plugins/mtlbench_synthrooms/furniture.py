"""Build tables, chairs, sofas and beds from boxes, cylinders and ellipsoids.

Every builder takes the generator and returns the parts of one object in its own frame (metres): x across, y
up from the floor, z to the front, the back of the object at z = -depth / 2. Sizes follow common household
furniture.
"""

from __future__ import annotations

import numpy as np

from .material import FABRIC, LINEN, PAINT, WOOD, Material, draw_material
from .solid import Part, box


def table(rng: np.random.Generator) -> list[Part]:
    """Build a dining, desk or coffee table, with four legs or round with a pedestal."""
    top, base = draw_material(rng, **(WOOD if rng.random() < 0.75 else PAINT)), draw_material(rng, **WOOD)
    low = rng.random() < 0.35
    h = rng.uniform(0.36, 0.48) if low else rng.uniform(0.68, 0.78)
    if rng.random() < 0.25:
        r = rng.uniform(0.35, 0.6)
        return [
            box((-r, r), (h - 0.04, h), (-r, r), top, "cylinder"),
            box((-0.05, 0.05), (0.03, h - 0.04), (-0.05, 0.05), base, "cylinder"),
            box((-r / 2, r / 2), (0, 0.03), (-r / 2, r / 2), base, "cylinder"),
        ]
    w = rng.uniform(0.7, 1.2) if low else rng.uniform(1.0, 1.8)
    d = rng.uniform(0.45, 0.7) if low else rng.uniform(0.65, 0.95)
    legs = _legs(w, d, h - 0.04, rng.uniform(0.04, 0.08), base, ("box", "cylinder")[rng.integers(2)])
    return [box((-w / 2, w / 2), (h - 0.04, h), (-d / 2, d / 2), top), *legs]


def chair(rng: np.random.Generator) -> list[Part]:
    """Build a chair with four legs and a full or slatted back."""
    frame = draw_material(rng, **(WOOD if rng.random() < 0.6 else PAINT))
    seat = draw_material(rng, **FABRIC) if rng.random() < 0.6 else frame
    w, d = rng.uniform(0.4, 0.5), rng.uniform(0.4, 0.48)
    h, top = rng.uniform(0.43, 0.48), rng.uniform(0.82, 1.05)
    back = (-d / 2, -d / 2 + 0.04)
    parts = [
        box((-w / 2, w / 2), (h - 0.05, h), (-d / 2, d / 2), seat),
        *_legs(w, d, h - 0.05, 0.04, frame, "box"),
    ]
    if rng.random() < 0.5:
        return [*parts, box((-w / 2, w / 2), (h, top), back, seat)]
    posts = [box((x - 0.02, x + 0.02), (h, top), back, frame) for x in (-w / 2 + 0.02, w / 2 - 0.02)]
    slats = [box((-w / 2, w / 2), y, back, frame) for y in ((top - 0.12, top), (h + 0.12, h + 0.2))]
    return [*parts, *posts, *slats]


def sofa(rng: np.random.Generator) -> list[Part]:
    """Build a sofa or an armchair: base, back, arms, seat cushions and sometimes throw pillows."""
    cover, accent = draw_material(rng, **FABRIC), draw_material(rng, **FABRIC)
    seats = int(rng.integers(1, 4))
    w, d = 0.3 + 0.62 * seats, rng.uniform(0.78, 0.95)
    h, top = rng.uniform(0.38, 0.45), rng.uniform(0.72, 0.9)
    arm = rng.uniform(0.12, 0.2)
    parts = [
        box((-w / 2, w / 2), (0.06, h - 0.12), (-d / 2, d / 2), cover),
        box((-w / 2, w / 2), (h - 0.12, top), (-d / 2, -d / 2 + 0.22), cover),
    ]
    for side in (-1, 1):
        x = side * (w - arm) / 2
        parts.append(box((x - arm / 2, x + arm / 2), (h - 0.12, h + 0.18), (-d / 2, d / 2), cover))
    inner = (w - 2 * arm) / seats
    for i in range(seats):
        x = -w / 2 + arm + i * inner
        parts.append(box((x + 0.01, x + inner - 0.01), (h - 0.12, h), (-d / 2 + 0.22, d / 2 + 0.02), cover))
        if rng.random() < 0.35:
            pillow = (x + 0.06, x + inner - 0.1), (h, h + 0.38), (-d / 2 + 0.2, -d / 2 + 0.4)
            parts.append(box(*pillow, accent, "ellipsoid"))
    return parts


def bed(rng: np.random.Generator) -> list[Part]:
    """Build a single or double bed with its head at the back: frame, mattress, blanket, pillows."""
    frame, sheet, blanket = (draw_material(rng, **style) for style in (WOOD, LINEN, LINEN))
    w = rng.choice((0.95, 1.3, 1.7)) + rng.uniform(-0.05, 0.1)
    d, h = rng.uniform(1.9, 2.1), rng.uniform(0.42, 0.6)
    fold = -d / 2 + rng.uniform(0.55, 0.9)
    parts = [
        box((-w / 2, w / 2), (0.05, h - 0.2), (-d / 2, d / 2), frame),
        box((-w / 2 + 0.02, w / 2 - 0.02), (h - 0.2, h), (-d / 2 + 0.06, d / 2 - 0.02), sheet),
        box((-w / 2 - 0.01, w / 2 + 0.01), (h - 0.22, h + 0.04), (fold, d / 2 + 0.01), blanket),
        box((-w / 2, w / 2), (0, h + rng.uniform(0.25, 0.6)), (-d / 2, -d / 2 + 0.06), frame),
    ]
    for i in range(pillows := 1 + (w > 1.2)):
        x = (i + 0.5) * w / pillows - w / 2
        parts.append(
            box((x - 0.32, x + 0.32), (h - 0.02, h + 0.16), (-d / 2 + 0.08, -d / 2 + 0.5), sheet, "ellipsoid")
        )
    return parts


def _legs(w: float, d: float, height: float, thick: float, material: Material, shape: str) -> list[Part]:
    x, z = w / 2 - thick, d / 2 - thick
    return [
        box((a - thick / 2, a + thick / 2), (0, height), (b - thick / 2, b + thick / 2), material, shape)
        for a in (-x, x)
        for b in (-z, z)
    ]

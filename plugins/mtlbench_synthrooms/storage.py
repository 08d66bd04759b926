"""Build cabinets and shelves from boxes, in the frame of `furniture`."""

from __future__ import annotations

import numpy as np

from .material import PAINT, WOOD, draw_material
from .solid import Part, box


def cabinet(rng: np.random.Generator) -> list[Part]:
    """Build a wardrobe, sideboard or chest with a grid of door or drawer fronts."""
    body = draw_material(rng, **(WOOD if rng.random() < 0.5 else PAINT))
    front = draw_material(rng, **(WOOD if rng.random() < 0.5 else PAINT))
    knob = draw_material(rng, "plain", value=(0.1, 0.4))
    tall = rng.random() < 0.45
    h = rng.uniform(1.7, 2.15) if tall else rng.uniform(0.65, 1.1)
    w, d = rng.uniform(0.6, 1.5), rng.uniform(0.4, 0.6)
    columns, rows = max(1, round(w / 0.5)), 1 if tall else int(rng.integers(1, 4))
    parts = [box((-w / 2, w / 2), (0, h), (-d / 2, d / 2 - 0.02), body)]
    for i in range(columns):
        for j in range(rows):
            x, y = -w / 2 + i * w / columns, 0.06 + j * (h - 0.08) / rows
            right, up = x + w / columns, y + (h - 0.08) / rows
            parts.append(
                box((x + 0.015, right - 0.015), (y + 0.015, up - 0.015), (d / 2 - 0.02, d / 2), front)
            )
            grip = (
                (right - 0.09, right - 0.06)
                if rows == 1
                else ((x + right) / 2 - 0.05, (x + right) / 2 + 0.05)
            )
            parts.append(box(grip, ((y + up) / 2 - 0.02, (y + up) / 2 + 0.02), (d / 2, d / 2 + 0.02), knob))
    return parts


def shelf(rng: np.random.Generator) -> list[Part]:
    """Build an open shelf with a back panel and rows of books."""
    frame = draw_material(rng, **(WOOD if rng.random() < 0.6 else PAINT))
    w, d, rows = rng.uniform(0.6, 1.3), rng.uniform(0.26, 0.36), int(rng.integers(3, 6))
    step = rng.uniform(0.3, 0.4)
    h = rows * step + 0.08
    parts = [box((-w / 2, w / 2), (0, h), (-d / 2, -d / 2 + 0.02), frame)]
    parts += [
        box((x - 0.015, x + 0.015), (0, h), (-d / 2, d / 2), frame) for x in (-w / 2 + 0.015, w / 2 - 0.015)
    ]
    parts += [
        box((-w / 2, w / 2), (y, y + 0.03), (-d / 2, d / 2), frame) for y in 0.05 + step * np.arange(rows + 1)
    ]
    for y in 0.08 + step * np.arange(rows):
        books = draw_material(rng, "bars", saturation=(0.4, 0.9), contrast=(0.4, 0.8), scale=(0.03, 0.06))
        left, right = -w / 2 + 0.03 + w * rng.uniform(0, 0.3), w / 2 - 0.03 - w * rng.uniform(0, 0.4)
        parts.append(
            box((left, right), (y, y + step * rng.uniform(0.55, 0.85)), (-d / 2 + 0.02, d / 2 - 0.05), books)
        )
    return parts

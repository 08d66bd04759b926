"""Represent the solids of a room and intersect rays with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .material import Material

Interval = tuple[float, float]


class Part(NamedTuple):
    """A convex piece of a solid: an axis-aligned `box`, an upright elliptic `cylinder` or an `ellipsoid`.

    `centre` and `half` (half extents) are in metres in the frame of the solid: x across, y up, z to its
    front.
    """

    shape: str
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    material: Material


class Solid(NamedTuple):
    """An object instance: parts in a frame at `position` (metres), turned by `yaw` (radians) about y."""

    label: str
    parts: tuple[Part, ...]
    position: tuple[float, float, float]
    yaw: float
    casts_shadow: bool = True


def box(x: Interval, y: Interval, z: Interval, material: Material, shape: str = "box") -> Part:
    """Return the part that fills the intervals `x`, `y`, `z`, given as (low, high) in metres."""
    (x0, x1), (y0, y1), (z0, z1) = x, y, z
    centre = (x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2
    return Part(shape, centre, ((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2), material)


def rotate_y(vector, yaw) -> np.ndarray:
    """Rotate float32 vectors (3, ...) by `yaw` radians (a number, or one per vector) about the y axis.

    With the yaw of a solid it maps the frame of the solid to the world, with its negative the world to the
    solid.
    """
    c, s = np.cos(yaw, dtype=np.float32), np.sin(yaw, dtype=np.float32)
    x, y, z = vector
    return np.stack([c * x + s * z, y, c * z - s * x]).astype(np.float32, copy=False)


def part_bounds(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre (3,) and half extents (3,) of the box around parts, in the frame of their solid."""
    centre, half = (
        np.array([getattr(part, name) for part in parts], np.float32) for name in ("centre", "half")
    )
    low, high = (centre - half).min(axis=0), (centre + half).max(axis=0)
    return (low + high) / 2, (high - low) / 2


def closest_hit(
    solids: Sequence[Solid], origin: np.ndarray, rays: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where rays `origin + t * rays` first enter a solid.

    `origin` (3,) and `rays` (3, N) are float32; a part that holds the origin is not met. Returns t (N,),
    inf where nothing is met, and the number (N,) of the part that is met, counted through the parts of all
    solids, -1 where nothing is met.
    """
    nearest = np.full(rays.shape[1], np.inf, np.float32)
    part_number = np.full(rays.shape[1], -1, np.int32)
    first = 0
    for solid in solids:
        local_origin = rotate_y(origin - np.asarray(solid.position, np.float32), -solid.yaw)
        local_rays = _without_zeros(rotate_y(rays, -solid.yaw))
        near, far = _enter_box(*part_bounds(solid.parts), local_origin, local_rays)
        at = np.flatnonzero((near < far) & (far > 0.0) & (near < nearest))
        if at.size:
            candidates = local_rays[:, at]
            for number, part in enumerate(solid.parts, start=first):
                centre, half = np.asarray(part.centre, np.float32), np.asarray(part.half, np.float32)
                near, far = _ENTER[part.shape](centre, half, local_origin, candidates)
                hit = (near < far) & (near > 0.0) & (near < nearest[at])
                nearest[at[hit]] = near[hit]
                part_number[at[hit]] = number
        first += len(solid.parts)
    return nearest, part_number


def leave_box(half: np.ndarray, origin: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return t (N,) where rays leave a box around zero, and the face (N,): -x, +x, -y, +y, -z, +z."""
    rays = _without_zeros(rays)
    t = (np.sign(rays) * half[:, None] - origin[:, None]) / rays
    axis = t.argmin(axis=0)
    pick = np.arange(rays.shape[1])
    return t[axis, pick], 2 * axis + (rays[axis, pick] > 0.0)


def _without_zeros(rays: np.ndarray) -> np.ndarray:
    """Turn rays that are parallel to a plane by an invisible amount, so that all divisions are finite."""
    return np.where(rays == 0.0, np.float32(1e-12), rays)


def _enter_box(centre, half, origin, rays, axes=(0, 1, 2)):
    near, far = -np.inf, np.inf
    for axis in axes:
        inverse = np.float32(1.0) / rays[axis]
        middle, reach = (centre[axis] - origin[axis]) * inverse, half[axis] * np.abs(inverse)
        near, far = np.maximum(near, middle - reach), np.minimum(far, middle + reach)
    return near, far


def _enter_quadric(centre, half, origin, rays, axes):
    start = (origin - centre) / half
    steps = [rays[axis] / half[axis] for axis in axes]
    a = sum(step * step for step in steps)
    b = sum(start[axis] * step for axis, step in zip(axes, steps, strict=True))
    c = sum(start[axis] ** 2 for axis in axes) - np.float32(1.0)
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    return (-b - root) / a, (root - b) / a


def _enter_ellipsoid(centre, half, origin, rays):
    return _enter_quadric(centre, half, origin, rays, (0, 1, 2))


def _enter_cylinder(centre, half, origin, rays):
    near, far = _enter_quadric(centre, half, origin, rays, (0, 2))
    low, high = _enter_box(centre, half, origin, rays, (1,))
    return np.maximum(near, low), np.minimum(far, high)


_ENTER = {"box": _enter_box, "cylinder": _enter_cylinder, "ellipsoid": _enter_ellipsoid}

"""Draw a furnished room, its lights and its camera from a random generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layout import Layout
from .material import Material, draw_material
from .solid import Solid, part_bounds

CLASSES = (
    "wall",
    "floor",
    "ceiling",
    "door",
    "window",
    "picture",
    "rug",
    "table",
    "chair",
    "sofa",
    "bed",
    "cabinet",
    "shelf",
    "lamp",
)
"""The semantic classes; a label is an index into it."""
PALETTE = (
    (174, 199, 232),
    (152, 223, 138),
    (90, 100, 110),
    (214, 39, 40),
    (23, 220, 230),
    (120, 20, 80),
    (188, 189, 34),
    (255, 152, 150),
    (140, 86, 75),
    (148, 103, 189),
    (255, 187, 120),
    (31, 119, 180),
    (227, 119, 194),
    (255, 237, 60),
)
"""RGB colours (0 to 255) in which to draw `CLASSES`."""
FACES = ("wall", "wall", "floor", "ceiling", "wall", "wall")
"""Classes of the faces -x, +x, -y, +y, -z, +z of the room."""


@dataclass(frozen=True)
class Camera:
    """A pinhole at `position` (3,) metres, turned by `pitch` (up is positive), then `yaw` about y; radians.

    With both at zero it looks along -z. `fov` (radians) spans the longer side of the image.
    """

    position: np.ndarray
    yaw: float
    pitch: float
    fov: float


@dataclass(frozen=True)
class Light:
    """A point light at `position` (3,) metres; `power` is the shading it gives a surface close by."""

    position: np.ndarray
    power: float


@dataclass(frozen=True)
class Scene:
    """A room of `size` (x, y, z; metres) around x = z = 0 with its floor at y = 0.

    `faces` are the materials of `FACES`; `ambient` is the shading without lights; `tint` (3,) colours the
    light.
    """

    size: np.ndarray
    faces: tuple[Material, ...]
    solids: tuple[Solid, ...]
    lights: tuple[Light, ...]
    camera: Camera
    ambient: float
    tint: np.ndarray


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw a room. Whether its camera sees enough of it is left to the caller to judge."""
    size = np.array([rng.uniform(3.0, 6.0), rng.uniform(2.3, 3.0), rng.uniform(3.0, 6.0)])
    camera = _draw_camera(rng, size)
    solids = Layout(rng, size, camera.position).furnish()
    return Scene(
        size,
        _draw_faces(rng),
        tuple(solids),
        _draw_lights(rng, size, solids),
        camera,
        rng.uniform(0.2, 0.4),
        np.array([rng.uniform(0.95, 1.15), 1.0, rng.uniform(0.8, 1.05)], np.float32),
    )


def _draw_camera(rng: np.random.Generator, size: np.ndarray) -> Camera:
    """Stand near a wall or a corner and look across the room."""
    reach = (size[[0, 2]] / 2 - rng.uniform(0.25, 0.6)) * rng.choice((-1, 1), 2)
    reach[rng.integers(2)] *= rng.uniform(0.2, 1.0)
    position = np.array([reach[0], rng.uniform(1.1, 1.75), reach[1]])
    target = size * rng.uniform(-0.2, 0.2, 3)
    target[1] = rng.uniform(0.4, 1.2)
    dx, dy, dz = target - position
    return Camera(
        position, np.arctan2(-dx, -dz), np.arctan2(dy, np.hypot(dx, dz)), np.radians(rng.uniform(62, 88))
    )


def _draw_faces(rng: np.random.Generator) -> tuple[Material, ...]:
    style = {"saturation": (0.0, 0.28), "value": (0.6, 0.95), "contrast": (0.04, 0.2)}
    wall = draw_material(rng, "plain plain plain stripes checker", scale=(0.1, 0.5), **style)
    accent = (
        draw_material(rng, "plain stripes mosaic", scale=(0.1, 0.4), **style) if rng.random() < 0.3 else wall
    )
    floor = draw_material(
        rng,
        "wood wood checker plain mosaic",
        hue=(0.02, 0.16),
        saturation=(0.05, 0.6),
        value=(0.3, 0.85),
        scale=(0.12, 0.6),
    )
    ceiling = draw_material(
        rng, "plain", saturation=(0.0, 0.08), value=(0.85, 1.0), contrast=(0.01, 0.06), scale=(0.5, 2.0)
    )
    walls = [wall, wall, wall, wall]
    walls[rng.integers(4)] = accent
    return walls[0], walls[1], floor, ceiling, walls[2], walls[3]


def _draw_lights(rng: np.random.Generator, size: np.ndarray, solids: list[Solid]) -> tuple[Light, ...]:
    """Put one light below the ceiling, and one under the shade of a lamp where there is one."""
    top = np.array([rng.uniform(-0.3, 0.3) * size[0], size[1] - 0.12, rng.uniform(-0.3, 0.3) * size[2]])
    lights = [Light(top, rng.uniform(0.5, 0.9))]
    for solid in solids:
        if solid.label == "lamp" and rng.random() < 0.7:
            centre, half = part_bounds(solid.parts[-1:])
            below = np.array(solid.position) + centre - (0.0, half[1] + 0.03, 0.0)
            return *lights, Light(below, rng.uniform(0.3, 0.6))
    return tuple(lights)

"""Give surfaces their normals, colours and light, and take the photograph."""

from __future__ import annotations

import cv2
import numpy as np

from .pattern import albedo
from .scene import FACES, Scene
from .solid import closest_hit, rotate_y

_FACE_NORMALS = np.array([[1, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 1, -1]], np.float32)


def surface_normals(scene: Scene, surface: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the outward unit normals (3, N) at world `points` (3, N) of `surface` (N,)."""
    normals = _FACE_NORMALS[:, np.minimum(surface, len(FACES) - 1)]
    at = np.flatnonzero(surface >= len(FACES))
    parts, position, yaw = _parts(scene)
    part = surface[at] - len(FACES)
    centre, half = (
        np.array([getattr(p, name) for p in parts], np.float32).T[:, part] for name in ("centre", "half")
    )
    shape = np.array([p.shape for p in parts])[part]
    offset = (rotate_y(points[:, at] - position[:, part], -yaw[part]) - centre) / half
    flat = (shape == "box") | ((shape == "cylinder") & (np.abs(offset[1]) > np.hypot(offset[0], offset[2])))
    steepest = np.where(shape == "cylinder", 1, np.abs(offset).argmax(axis=0))
    gradient = np.where(flat, np.sign(offset) * (np.arange(3)[:, None] == steepest), offset / half)
    gradient[1] *= flat | (shape != "cylinder")
    gradient /= np.linalg.norm(gradient, axis=0)
    normals[:, at] = rotate_y(gradient, yaw[part])
    return normals


def surface_albedo(
    scene: Scene, surface: np.ndarray, points: np.ndarray, normals: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Return the surface colour (N, 3) in [0, 1]; patterns are projected along the object's nearest axis."""
    parts, position, yaw = _parts(scene)
    position = np.hstack([np.zeros((3, len(FACES)), np.float32), position])[:, surface]
    yaw = np.concatenate([np.zeros(len(FACES), np.float32), yaw])[surface]
    x, y, z = rotate_y(points - position, -yaw)
    axis = np.abs(rotate_y(normals, -yaw)).argmax(axis=0)
    u, v = np.where(axis == 0, z, x), np.where(axis == 1, z, y)
    return albedo([*scene.faces, *(part.material for part in parts)], surface, u, v, footprint)


def shade(scene: Scene, surface: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return the diffuse light (N,) in [0, 1]: ambient, brighter from above, and lights with hard shadows."""
    casters = [solid for solid in scene.solids if solid.casts_shadow]
    shading = scene.ambient * (np.float32(0.85) + np.float32(0.15) * normals[1])
    for light in scene.lights:
        origin = light.position.astype(np.float32)
        rays = points - origin[:, None]
        distance = np.linalg.norm(rays, axis=0)
        cosine = -(rays * normals).sum(axis=0) / distance
        at = np.flatnonzero(cosine > 0.0)
        reached, _ = closest_hit(casters, origin, rays[:, at])
        at = at[reached * distance[at] > distance[at] - 0.01]
        shading[at] += np.float32(light.power) * cosine[at] / (1 + np.square(distance[at] / 4))
    glow = np.array(
        [material.glow for material in (*scene.faces, *(part.material for part in _parts(scene)[0]))]
    )
    return np.clip(np.maximum(shading, glow[surface]), 0.0, 1.0).astype(np.float32)


def photograph(rng: np.random.Generator, radiance: np.ndarray) -> np.ndarray:
    """Expose linear `radiance` (H, W, 3) to uint8: blur, vignetting, exposure, gamma 2, sensor noise."""
    height, width = radiance.shape[:2]
    radiance = cv2.GaussianBlur(radiance.astype(np.float32), (3, 3), 0.45)
    v, u = np.linspace(-1, 1, height, dtype=np.float32), np.linspace(-1, 1, width, dtype=np.float32)
    vignette = 1 - rng.uniform(0.0, 0.25) * (v[:, None] ** 2 + u**2) / 2
    exposed = radiance * (vignette * rng.uniform(0.2, 0.36) / radiance.mean())[..., None].astype(np.float32)
    noise = rng.standard_normal(radiance.shape, np.float32) * np.float32(rng.uniform(0.004, 0.025))
    return np.rint(np.clip(np.sqrt(exposed) + noise, 0.0, 1.0) * 255).astype(np.uint8)


def _parts(scene: Scene):
    """Return the parts of all solids with the position (3, P) and the yaw (P,) of their frames, float32."""
    pairs = [(part, solid) for solid in scene.solids for part in solid.parts]
    return (
        [part for part, _ in pairs],
        np.array([solid.position for _, solid in pairs], np.float32).T,
        np.array([solid.yaw for _, solid in pairs], np.float32),
    )

"""Render a room and its labels from a seed."""

from __future__ import annotations

from itertools import count
from zlib import crc32

import numpy as np

from .label import enough_in_view, find_edges, find_salient
from .scene import CLASSES, FACES, Camera, Scene, draw_scene
from .shade import photograph, shade, surface_albedo, surface_normals
from .solid import closest_hit, leave_box, rotate_y


def render_room(seed: int, size: tuple[int, int] = (96, 128), split: str = "train") -> dict[str, np.ndarray]:
    """Render the room number `seed` (0 or more) of `split`, an image of `size` (H, W), with exact labels.

    A split is any word; each has rooms of its own. Scenes whose view shows too little (`enough_in_view`) are
    redrawn, and a redraw depends on nothing but the split, the seed and the number of the try.

    Returns
        image      uint8 (H, W, 3), RGB
        semseg     uint8 (H, W), index into `CLASSES`
        depth      float32 (H, W), metres along the optical axis, > 0
        normals    float32 (H, W, 3), unit vectors in the camera frame: x right, y up, z towards the camera
        edge       uint8 (H, W), 1 on the boundary of instances (`find_edges`)
        saliency   uint8 (H, W), 1 on the salient furniture (`find_salient`)
        instance   uint16 (H, W): 0 to 5 the faces of the room in the order of `FACES`, 6 and up the objects
        albedo     uint8 (H, W, 3), the surface colour without light and noise
        shading    float32 (H, W) in [0, 1], diffuse light on the surface
        intrinsics float32 (3, 3), the pinhole matrix in pixels, with pixel centres at integer coordinates
    """
    for attempt in count():
        rng = _generator(split, seed, attempt)
        scene = draw_scene(rng)
        intrinsics = _intrinsics(scene.camera, size)
        rays = _camera_rays(scene.camera, intrinsics, size)
        depth, surface = _trace(scene, rays)
        instance, semseg = (table[surface].reshape(size) for table in _tables(scene))
        salient = find_salient(instance, semseg)
        if enough_in_view(instance, depth.reshape(size), salient):
            break
    points = scene.camera.position.astype(np.float32)[:, None] + depth * rays
    normals = surface_normals(scene, surface, points)
    albedo = surface_albedo(scene, surface, points, normals, depth / intrinsics[0, 0])
    shading = shade(scene, surface, points, normals)
    image = photograph(rng, (albedo * albedo * shading[:, None] * scene.tint).reshape(*size, 3))
    camera_normals = _to_camera(scene.camera, normals)
    camera_normals /= np.linalg.norm(camera_normals, axis=0)
    return {
        "image": image,
        "semseg": semseg,
        "depth": depth.reshape(size),
        "normals": np.ascontiguousarray(camera_normals.T).reshape(*size, 3),
        "edge": find_edges(instance),
        "saliency": salient.astype(np.uint8),
        "instance": instance,
        "albedo": np.rint(albedo * 255).astype(np.uint8).reshape(*size, 3),
        "shading": shading.reshape(size),
        "intrinsics": intrinsics,
    }


def _generator(split: str, seed: int, attempt: int) -> np.random.Generator:
    words = [crc32(b"synthrooms"), crc32(split.encode()), int(seed), attempt]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))


def _intrinsics(camera: Camera, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    focal = max(size) / 2 / np.tan(camera.fov / 2)
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]], np.float32)


def _camera_rays(camera: Camera, intrinsics: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return world rays (3, H * W), of unit length along the optical axis: t on a ray is the depth."""
    v, u = np.mgrid[: size[0], : size[1]].astype(np.float32).reshape(2, -1)
    x, y = (u - intrinsics[0, 2]) / intrinsics[0, 0], -(v - intrinsics[1, 2]) / intrinsics[1, 1]
    c, s = np.cos(camera.pitch, dtype=np.float32), np.sin(camera.pitch, dtype=np.float32)
    return rotate_y((x, c * y + s, s * y - c), camera.yaw)


def _to_camera(camera: Camera, vectors: np.ndarray) -> np.ndarray:
    x, y, z = rotate_y(vectors, -camera.yaw)
    c, s = np.cos(camera.pitch, dtype=np.float32), np.sin(camera.pitch, dtype=np.float32)
    return np.stack([x, c * y + s * z, c * z - s * y])


def _trace(scene: Scene, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth (N,) and the surface (N,): 0 to 5 a face of the room, 6 and up a part of a solid."""
    origin, half = scene.camera.position.astype(np.float32), (scene.size / 2).astype(np.float32)
    depth, face = leave_box(half, origin - half * np.float32([0, 1, 0]), rays)
    near, part = closest_hit(scene.solids, origin, rays)
    return np.minimum(depth, near), np.where(near < depth, part + len(FACES), face)


def _tables(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return the instance (uint16) and the class (uint8) of every surface number."""
    instance = list(range(len(FACES)))
    labels = [CLASSES.index(name) for name in FACES]
    for number, solid in enumerate(scene.solids, start=len(FACES)):
        instance += [number] * len(solid.parts)
        labels += [CLASSES.index(solid.label)] * len(solid.parts)
    return np.array(instance, np.uint16), np.array(labels, np.uint8)

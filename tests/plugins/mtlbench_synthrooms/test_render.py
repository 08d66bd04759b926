"""Properties of rendered rooms, each from a derivation that the renderer does not share."""

from __future__ import annotations

import numpy as np
import pytest

from mtlbench_synthrooms.label import SALIENT_CLASSES
from mtlbench_synthrooms.render import render_room
from mtlbench_synthrooms.scene import CLASSES, PALETTE

FORMATS = {
    "image": ("uint8", (3,)),
    "semseg": ("uint8", ()),
    "depth": ("float32", ()),
    "normals": ("float32", (3,)),
    "edge": ("uint8", ()),
    "saliency": ("uint8", ()),
    "instance": ("uint16", ()),
    "albedo": ("uint8", (3,)),
    "shading": ("float32", ()),
}


@pytest.fixture(scope="module")
def rooms() -> list[dict[str, np.ndarray]]:
    return [render_room(seed) for seed in range(30)]


@pytest.mark.parametrize("size", [(96, 128), (64, 64), (120, 160), (128, 96), (480, 640)])
def test_keys_have_their_dtype_shape_and_range_at_every_size(size):
    room = render_room(3, size)
    assert set(room) == {*FORMATS, "intrinsics"}
    for key, (dtype, tail) in FORMATS.items():
        assert (room[key].dtype, room[key].shape) == (np.dtype(dtype), (*size, *tail)), key
    assert room["intrinsics"].dtype == np.float32 and room["intrinsics"].shape == (3, 3)
    assert room["semseg"].max() < len(CLASSES)
    assert np.isfinite(room["depth"]).all() and room["depth"].min() > 0 and room["depth"].max() < 10
    assert set(np.unique(room["edge"])) == set(np.unique(room["saliency"])) == {0, 1}
    assert room["shading"].min() >= 0 and room["shading"].max() <= 1


def test_a_seed_gives_the_same_bits_whatever_ran_before():
    first = render_room(7)
    np.random.seed(0)
    render_room(8)
    second = render_room(7)
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_splits_and_seeds_share_no_room():
    rooms = {
        render_room(seed, (24, 32), split)["depth"].tobytes()
        for split in ("train", "val", "pretrain")
        for seed in range(20)
    }
    assert len(rooms) == 60


def test_the_same_room_is_seen_at_another_resolution():
    """Every third pixel of a render three times as large is the pixel of the small one."""
    small, large = render_room(1, (48, 64)), render_room(1, (144, 192))
    assert np.array_equal(small["semseg"], large["semseg"][1::3, 1::3])
    np.testing.assert_allclose(small["depth"], large["depth"][1::3, 1::3], rtol=1e-4)


def test_normals_are_unit_vectors_that_face_the_camera(rooms):
    for room in rooms:
        np.testing.assert_allclose(np.linalg.norm(room["normals"], axis=-1), 1.0, atol=1e-5)
        towards_camera = -(_points(room) * room["normals"]).sum(axis=-1)
        assert (towards_camera > -1e-3).mean() > 0.999


def test_normals_agree_with_finite_differences_of_the_depth(rooms):
    """Compare where the depth alone tells a plane: there 1 / depth is linear in the pixel coordinates."""
    for room in rooms:
        points, inverse = _points(room), 1 / room["depth"].astype(np.float64)
        right, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
        derived = np.cross(down, right)
        derived /= np.linalg.norm(derived, axis=-1, keepdims=True)
        bend = np.maximum(abs(np.diff(inverse[1:-1], 2, axis=1)), abs(np.diff(inverse[:, 1:-1], 2, axis=0)))
        flat = bend < 1e-4 * inverse[1:-1, 1:-1]
        cosine = (derived * room["normals"][1:-1, 1:-1]).sum(axis=-1)[flat]
        angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        assert flat.mean() > 0.5
        assert np.mean(angle < 1.0) > 0.995


def test_faces_of_the_room_are_planes_at_right_angles(rooms):
    for room in rooms:
        faces = [number for number in range(6) if (room["instance"] == number).any()]
        normals = np.stack([room["normals"][room["instance"] == number][0] for number in faces])
        axes = [number // 2 for number in faces]
        expected = np.equal.outer(axes, axes) * np.where(np.equal.outer(faces, faces), 1, -1)
        np.testing.assert_allclose(normals @ normals.T, expected, atol=1e-4)
        offsets = (_points(room) * room["normals"]).sum(axis=-1)
        assert all(np.ptp(offsets[room["instance"] == number]) < 1e-3 for number in faces)


def test_edges_are_changes_of_the_instance(rooms):
    room = rooms[0]
    height, width = room["instance"].shape
    for y in range(height):
        for x in range(width):
            below, right = (
                room["instance"][min(y + 1, height - 1), x],
                room["instance"][y, min(x + 1, width - 1)],
            )
            assert room["edge"][y, x] == (len({room["instance"][y, x], below, right}) > 1)


def test_salient_objects_are_whole_pieces_of_furniture(rooms):
    furniture = [CLASSES.index(name) for name in SALIENT_CLASSES]
    for room in rooms:
        salient = room["saliency"] == 1
        assert 0.02 <= salient.mean() <= 0.6
        assert np.isin(room["semseg"][salient], furniture).all()
        assert not set(room["instance"][salient]) & set(room["instance"][~salient])


def test_an_instance_has_one_class(rooms):
    for room in rooms:
        assert len(np.unique(room["instance"])) == len(
            np.unique(room["instance"] * np.int64(99) + room["semseg"])
        )


def test_every_class_appears_often_enough_to_be_learned():
    seen = np.array(
        [
            np.bincount(render_room(seed, (48, 64), "val")["semseg"].ravel(), minlength=len(CLASSES)) > 0
            for seed in range(100)
        ]
    )
    assert (seen.mean(axis=0) > 0.1).all(), dict(zip(CLASSES, seen.mean(axis=0), strict=True))
    assert len(PALETTE) == len(set(PALETTE)) == len(CLASSES)


def test_the_image_is_light_on_colour(rooms):
    """Up to exposure, tint, blur and noise, the squared image (gamma 2) is squared albedo times shading."""
    for room in rooms:
        expected = np.square(room["albedo"] / 255.0) * room["shading"][..., None]
        seen = np.square(room["image"] / 255.0)
        assert np.corrcoef(expected[..., 1].ravel(), seen[..., 1].ravel())[0, 1] > 0.8


def _points(room: dict[str, np.ndarray]) -> np.ndarray:
    """Back-project the depth to (H, W, 3) metres: x right, y up, z towards the camera."""
    v, u = np.mgrid[: room["depth"].shape[0], : room["depth"].shape[1]]
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1).astype(np.float64)
    return (
        pixels
        @ np.linalg.inv(room["intrinsics"].astype(np.float64)).T
        * room["depth"][..., None]
        * (1, -1, -1)
    )

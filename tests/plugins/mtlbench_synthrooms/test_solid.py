"""Ray intersections against points marched along the rays."""

from __future__ import annotations

import numpy as np
import pytest

from mtlbench_synthrooms.material import draw_material
from mtlbench_synthrooms.solid import Part, Solid, closest_hit, leave_box, rotate_y

MATERIAL = draw_material(np.random.default_rng(0), "plain")
STEPS = np.linspace(0, 8, 4001)


def _holds(part: Part, points: np.ndarray) -> np.ndarray:
    x, y, z = (np.moveaxis(points, 0, -1) - part.centre).T / np.reshape(part.half, (3, 1, 1))
    if part.shape == "box":
        return (abs(x) < 1) & (abs(y) < 1) & (abs(z) < 1)
    return (x**2 + z**2 < 1) & (abs(y) < 1) if part.shape == "cylinder" else x**2 + y**2 + z**2 < 1


@pytest.mark.parametrize("shape", ["box", "cylinder", "ellipsoid"])
def test_the_first_point_inside_is_the_hit(shape):
    rng = np.random.default_rng(1)
    parts = [
        Part(shape, tuple(rng.uniform(-1, 1, 3)), tuple(rng.uniform(0.4, 0.9, 3)), MATERIAL) for _ in range(3)
    ]
    solid = Solid("table", tuple(parts), (0.3, -0.2, -3.0), 0.7)
    origin = np.array([0.2, 0.4, 1.0], np.float32)
    rays = np.stack([*rng.uniform(-0.35, 0.25, (2, 300)), -np.ones(300)]).astype(np.float32)
    t, number = closest_hit([solid], origin, rays)
    marched = origin[:, None, None] + STEPS[:, None] * rays[:, None].astype(float)
    position = np.reshape(solid.position, (3, 1, 1))
    inside = np.stack([_holds(part, rotate_y(marched - position, -solid.yaw)).T for part in parts])
    expected = np.where(inside.any(axis=(0, 1)), STEPS[inside.any(axis=0).argmax(axis=0)], np.inf)
    grazing = np.isinf(t) != np.isinf(expected)
    assert grazing.mean() < 0.02 and 0.2 < np.isfinite(t).mean() < 0.9
    hit = np.isfinite(t) & ~grazing
    assert np.quantile(abs(t[hit] - expected[hit]), 0.98) <= 2.5e-3
    first = inside[:, inside.any(axis=0).argmax(axis=0), np.arange(300)]
    assert np.mean(first[number[hit], np.flatnonzero(hit)]) > 0.98


def test_rays_along_the_axes_meet_what_is_ahead():
    drum = Solid("lamp", (Part("cylinder", (0, 0, 0), (1, 1, 1), MATERIAL),), (0.0, 0.0, 0.0), 0.0)
    for axis, sign in ((0, 1), (1, 1), (2, 1), (0, -1), (1, -1), (2, -1)):
        ray = sign * np.eye(3, dtype=np.float32)[:, [axis]]
        t, number = closest_hit([drum], -3 * ray[:, 0], ray)
        assert t == pytest.approx(2.0, abs=1e-5) and number == 0
        assert np.isinf(closest_hit([drum], 3 * ray[:, 0], ray)[0]).all()


def test_rays_leave_a_box_on_its_surface():
    rng = np.random.default_rng(2)
    half, origin = np.array([2.0, 1.0, 3.0], np.float32), np.array([0.5, -0.3, 1.0], np.float32)
    rays = np.hstack([rng.normal(size=(3, 500)), np.eye(3), -np.eye(3)]).astype(np.float32)
    t, face = leave_box(half, origin, rays)
    points = (origin[:, None] + t * rays) / half[:, None]
    assert (t > 0).all()
    np.testing.assert_allclose(abs(points).max(axis=0), 1.0, atol=1e-5)
    sign = np.where(face % 2, 1, -1)
    np.testing.assert_allclose(points[face // 2, np.arange(len(face))], sign, atol=1e-5)

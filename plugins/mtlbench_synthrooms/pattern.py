"""Evaluate the patterns of materials at points of a surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .material import Material


def albedo(
    materials: Sequence[Material], index: np.ndarray, u: np.ndarray, v: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Return the colour (N, 3) in [0, 1] of material `index` (N,) at `u`, `v` (N,).

    `u` and `v` are coordinates on the surface in metres. `footprint` (N,) is the width of a pixel on the
    surface in metres: a pattern finer than it fades to its mean, so that distant tiles do not alias.
    """
    scale = np.array([m.scale for m in materials], np.float32)[index]
    key = np.array([m.key for m in materials], np.int64)
    names = list(PATTERNS)
    pattern = np.array([names.index(m.pattern) for m in materials])
    used = pattern[index]
    mix = np.empty_like(u)
    for number in np.unique(used):
        at = np.flatnonzero(used == number)
        mix[at] = PATTERNS[names[number]](u[at] / scale[at], v[at] / scale[at], key[index[at]])
    mix = 0.5 + (mix - 0.5) * np.clip(scale / footprint - 1.0, 0.0, 1.0)
    light, dark = (
        np.array([getattr(m, name) for m in materials], np.float32)[index] for name in ("light", "dark")
    )
    return light + (dark - light) * mix[:, None]


def _hash(i: np.ndarray, j: np.ndarray, key: np.ndarray) -> np.ndarray:
    x = (i * 73856093 ^ j * 19349663 ^ key * 83492791) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    return ((x ^ (x >> 13)) & 0xFFFF).astype(np.float32) / 65535.0


def _cell(x: np.ndarray) -> np.ndarray:
    return np.floor(x).astype(np.int64)


def _plain(u, v, key):
    return 0.25 + 0.12 * (np.sin(1.7 * u + key) * np.sin(2.3 * v) + np.sin(0.9 * u - 1.3 * v))


def _checker(u, v, key):
    return ((_cell(u) + _cell(v)) & 1).astype(np.float32)


def _stripes(u, v, key):
    return (np.where(key & 1, _cell(u), _cell(v)) & 1).astype(np.float32)


def _wood(u, v, key):
    plank = _cell(v)
    grain = np.sin(18.0 * v + 2.5 * np.sin(0.7 * u + plank) + np.sin(2.1 * u + key))
    seam = (v - plank < 0.05).astype(np.float32)
    return np.clip(0.35 + 0.2 * grain + 0.3 * (_hash(plank, plank * 0, key) - 0.5) + 0.6 * seam, 0.0, 1.0)


def _mosaic(u, v, key):
    return _hash(_cell(u), _cell(v), key)


def _bars(u, v, key):
    return _hash(_cell(u), np.zeros_like(key), key)


PATTERNS = {
    "plain": _plain,
    "checker": _checker,
    "stripes": _stripes,
    "wood": _wood,
    "mosaic": _mosaic,
    "bars": _bars,
}

"""The frequency plane of TS-PD: the bin and the band of every coefficient of a real 2-d spectrum."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Bands(NamedTuple):
    """Hold, for the F = H·(W//2+1) flattened coefficients of `rfft2`, their weights in bins and bands.

    `bins` (K, F) are K rings of equal width; `low` (L,) is the band r ≤ 0.5, of the coefficients `low_index`;
    `edge` (F,) rises linearly from 0 at r = 0.8 to 1 at r = 1. Coefficients that are each other's conjugates
    have equal weights, so that the weighted spectrum of a real image remains one.
    """

    bins: Tensor
    low: Tensor
    low_index: Tensor
    edge: Tensor


def true_radius(height: int, width: int) -> Tensor:
    """Return the radial frequency (H, W//2+1), 1 at the Nyquist frequency of an axis, clipped to 1 beyond."""
    rows = 2 * torch.fft.fftfreq(height, dtype=torch.float64)
    columns = 2 * torch.fft.rfftfreq(width, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns).clamp(max=1)


def released_radius(height: int, width: int) -> Tensor:
    """Return the radius of the public code: rows run from -1 to 1, although their frequencies do not."""
    rows = torch.linspace(-1, 1, height, dtype=torch.float64)
    columns = torch.linspace(0, 1, width // 2 + 1, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns).clamp(max=1)


RADII: dict[str, Callable[[int, int], Tensor]] = {"true": true_radius, "released": released_radius}


@lru_cache(maxsize=32)
def bands(
    height: int, width: int, count: int, radius: str, device: torch.device, dtype: torch.dtype
) -> Bands:
    """Return the bands of an image (height, width) for `count` bins; kept, because sizes repeat."""
    with torch.inference_mode(False):  # tensors made in inference mode could not be used in training
        r = RADII[radius](height, width)
        ring = (r * count).ceil().long().clamp(1, count) - 1
        rings = torch.nn.functional.one_hot(ring, count).movedim(-1, 0).double()
        planes = torch.cat([rings, (r <= 0.5)[None], ((r - 0.8) / 0.2).clamp(0, 1)[None]])
        planes = _conjugate_mean(planes, width).flatten(1).to(device, dtype)
        low_index = planes[count].nonzero().flatten()
        # of memory of their own: a file of an exported program would hold all planes with each of them
        return Bands(planes[:count].clone(), planes[count, low_index], low_index, planes[count + 1].clone())


def _conjugate_mean(planes: Tensor, width: int) -> Tensor:
    """Average real weights (..., H, W//2+1) of coefficients that are conjugates within the half-plane.

    These lie in the first column, and in the last of an even width. The inverse transform to a real image
    discards what differs between them, so averaging first changes no result.
    """
    mirrored = planes.flip(-2).roll(1, -2)
    columns = [0, width // 2] if width % 2 == 0 else [0]
    planes[..., columns] = (planes[..., columns] + mirrored[..., columns]) / 2
    return planes

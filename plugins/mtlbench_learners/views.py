"""Draw second views of a batch: mirror, zoom in, and change labels and outputs accordingly."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlbench.data.geometry import Move


def draw(images: Tensor, zooms: Sequence[float], flip: float) -> list[Move]:
    """Return one move per image (B, C, H, W): a mirror image with probability `flip`, one of `zooms` (>= 1).

    Random numbers come from torch's global generator of the CPU.
    """
    height, width = images.shape[-2:]
    moves = []
    for _ in images:
        mirrored = bool(torch.rand(()) < flip)
        zoom = float(zooms[int(torch.randint(len(zooms), ()))])
        window = []
        for side in (height, width):
            part = round(side / zoom)
            start = int(torch.randint(side - part + 1, ()))
            window.append(slice(start, start + part))
        moves.append(Move(mirrored, (window[0], window[1]), (height, width), zoom))
    return moves


def move_images(images: Tensor, moves: Sequence[Move]) -> Tensor:
    """Move images (B, C, H, W), bilinearly where one is zoomed."""
    return torch.stack([_smooth(image, move) for image, move in zip(images, moves, strict=True)])


def move_labels(labels: Tensor, kind: str, moves: Sequence[Move]) -> Tensor:
    """Move labels, one for each move, as `mtlbench.data.geometry` does: all but images to nearest pixels."""
    resample = _smooth if kind == "image" else _nearest
    moved = [_change(resample(label, m), kind, m) for label, m in zip(labels, moves, strict=True)]
    return torch.stack(moved) if moved else labels


def move_outputs(outputs: Tensor, kind: str, moves: Sequence[Move]) -> Tensor:
    """Move raw outputs (B, C, H, W), bilinearly, and change them as labels of their kind."""
    moved = [_change(_smooth(output, m), kind, m) for output, m in zip(outputs, moves, strict=True)]
    return torch.stack(moved)


def shrink(x: Tensor, size: Sequence[int]) -> Tensor:
    """Take from (..., H, W) the pixel whose centre is nearest to each of `size` (h, w)."""
    return x[..., _places(x.shape[-2], size[0], x)[:, None], _places(x.shape[-1], size[1], x)]


def _smooth(x: Tensor, move: Move) -> Tensor:
    x = _cut(x, move)
    if move.size is None or x.shape[-2:] == move.size:
        return x
    return F.interpolate(x[None], move.size, mode="bilinear", align_corners=False)[0]


def _nearest(x: Tensor, move: Move) -> Tensor:
    x = _cut(x, move)
    return x if move.size is None else shrink(x, move.size)


def _cut(x: Tensor, move: Move) -> Tensor:
    x = x.flip(-1) if move.mirrored else x
    return x[(..., *move.window)] if move.window else x


def _places(old: int, new: int, like: Tensor) -> Tensor:
    return ((torch.arange(new, device=like.device) + 0.5) * old / new).long()


def _change(x: Tensor, kind: str, move: Move) -> Tensor:
    if kind == "vector" and move.mirrored:
        return torch.cat([0.0 - x[:1], x[1:]])  # keeps the zero of void positive
    if kind == "scalar":
        return x / move.zoom
    return x * move.zoom if kind == "inverse" else x

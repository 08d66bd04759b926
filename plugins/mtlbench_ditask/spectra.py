"""Singular values of frozen weights, and what learned diffeomorphisms make of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mtlbench_ditask.cpab import flow, velocity


class Spectra(nn.Module, ABC):
    """Deform the singular values S (P, k) of P matrices, falling in each, by K diffeomorphisms of [0, 1].

    All P matrices share a diffeomorphism. `theta` (K · (tess - 1),) is flat, so that it doesn't decay; at
    zero a diffeomorphism is the identity. `values` (K, P · k) is what `deform` found last.

    Args:
        count: K.
        tess: cells of [0, 1], in each of which the velocity is affine.
        kaiming: whether theta starts from Kaiming's uniform law, a = √5 and tess - 1 inputs, not at zero.
    """

    values: Tensor

    def __init__(self, count: int, tess: int, kaiming: bool) -> None:
        super().__init__()
        self.count, self.tess = count, tess
        self.theta = nn.Parameter(torch.zeros(count * (tess - 1)))
        if kaiming:
            nn.init.uniform_(self.theta, -((tess - 1) ** -0.5), (tess - 1) ** -0.5)
        self.register_buffer("S", None, persistent=False)

    @abstractmethod
    def points(self) -> Tensor:
        """Return the points (P, k) of [0, 1] that move."""

    @abstractmethod
    def read(self, moved: Tensor) -> Tensor:
        """Return the new singular values (K, P, k) that belong to moved points (K, P, k)."""


class Values(Spectra):
    """Move the values themselves, divided by the largest: S' = σ_1 · f(S / σ_1), the form of the paper."""

    def points(self) -> Tensor:
        return self.S / self.S[:, :1]

    def read(self, moved: Tensor) -> Tensor:
        return moved * self.S[:, :1]


class Indices(Spectra):
    """Move the places 0, 1 / (k - 1), ..., 1 in the list of values, and resample the list there linearly.

    This is what the release of DiTASK does; the largest and the smallest value stay.
    """

    def points(self) -> Tensor:
        places = torch.linspace(0, 1, self.S.shape[1], dtype=self.S.dtype, device=self.S.device)
        return places.expand_as(self.S)

    def read(self, moved: Tensor) -> Tensor:
        last = self.S.shape[1] - 1
        place = moved * last
        before = place.detach().long().clamp(0, max(last - 1, 0))
        list_ = self.S.expand_as(moved)
        low, high = list_.gather(2, before), list_.gather(2, (before + 1).clamp(max=last))
        return low + (high - low) * (place - before)


def deform(spectra: Iterable[Spectra]) -> None:
    """Compute `values` of all spectra, those of one tessellation together, in float64."""
    groups: dict[int, list[Spectra]] = {}
    for each in spectra:
        groups.setdefault(each.tess, []).append(each)
    for tess, group in groups.items():
        theta = torch.cat([each.theta.view(-1, tess - 1) for each in group]).double()
        points = [each.points().double().flatten() for each in group for _ in range(each.count)]
        lengths = torch.tensor([len(part) for part in points])
        field = torch.arange(len(points)).repeat_interleave(lengths).to(theta.device)
        moved = flow(torch.cat(points), velocity(theta), field)
        sizes = [each.count * each.S.numel() for each in group]
        for each, part in zip(group, moved.split(sizes), strict=True):
            found = each.read(part.view(each.count, *each.S.shape))
            each.values = found.flatten(1).to(each.theta.dtype)

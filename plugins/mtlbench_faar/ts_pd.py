"""TS-PD, the task-spectral pyramidal decoder of FAAR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.decoder import Decoded
from mtlbench.engine.layers import resize
from mtlbench.engine.pyramid_head import PyramidHead
from mtlbench.errors import MtlbenchError
from mtlbench_faar.spectral import RADII, Bands, bands


class UnknownRadius(MtlbenchError):
    """Say which radii exist."""

    def __init__(self, radius: object) -> None:
        super().__init__(
            f"radius={radius!r} is not one of {', '.join(RADII)}; take one of these, or leave it out."
        )


class TSPD(PyramidHead):
    """Filter each task's pyramid by frequency, and move it towards the other tasks' in two bands.

    Source: Fontana, Spratling, Shi, CVPR 2026, arXiv 2603.20403. Between the projections and the predictor of
    the HRNet-style head, every level, resized to the finest, passes `TaskFilter` and `Consensus` in float32.
    The levels are concatenated first: one transform there and one back serve all tasks and levels.

    Args:
        bins: number K of radial bins of the filter.
        radius: `true`, radial in frequency, as the paper means it, or `released`, rows as in the public code.

    Raises:
        UnknownRadius: `radius` is neither.
    """

    def __init__(
        self,
        tasks: Mapping[str, int],
        channels: Sequence[int],
        neck_channels: Sequence[int] = (18, 36, 72, 144),
        bins: int = 16,
        radius: str = "true",
    ) -> None:
        super().__init__(tasks, channels, neck_channels)
        if radius not in RADII:
            raise UnknownRadius(radius)
        self.bins, self.radius = bins, radius
        self.filter = TaskFilter(len(self.tasks), self.neck_channels, bins)
        self.consensus = Consensus(len(self.tasks), self.neck_channels) if len(self.tasks) > 1 else None

    def forward(self, levels: Sequence[Tensor]) -> Decoded:
        """Decode four levels (S, B, C, h, w), S = T or 1, at the size of the first."""
        size = levels[0].shape[-2:]
        features = torch.cat([resize(level, size) for level in self.project(levels)], 2)
        with torch.autocast(features.device.type, enabled=False):
            mixed = self.mix(features.to(self.filter.weight.dtype))
        return Decoded(self.predict([mixed]))

    def mix(self, features: Tensor) -> Tensor:
        """Filter the features (T, B, Σc, H, W) of all levels, then apply the consensus."""
        height, width = features.shape[-2:]
        plane = bands(height, width, self.bins, self.radius, features.device, features.dtype)
        projected = torch.fft.rfft2(features, norm="ortho")
        spectrum = self.filter(projected.flatten(-2), plane, (height * width) ** 0.5)
        if self.consensus is not None:
            spectrum = self.consensus(spectrum, projected.flatten(-2), plane)
        return torch.fft.irfft2(spectrum.unflatten(-1, projected.shape[-2:]), s=(height, width), norm="ortho")


class TaskFilter(nn.Module):
    """Weight each frequency bin of each channel of each task.

    out = F + α (scale · irfft2(rfft2(F) · (1 + w[bin])) + shift). The transforms are linear and `shift`
    reaches the zero frequency alone, so all of it is done to the spectrum.
    """

    def __init__(self, tasks: int, neck_channels: Sequence[int], bins: int) -> None:
        super().__init__()
        width = sum(neck_channels)
        self.weight = nn.Parameter(torch.randn(tasks, width, bins) * 0.02)
        self.scale = nn.Parameter(1 + torch.randn(tasks, width) * 0.02)
        self.shift = nn.Parameter(torch.randn(tasks, width) * 0.02)
        self.alpha = nn.Parameter(torch.full((tasks, len(neck_channels)), 0.6))
        self.register_buffer("level", _level_of_channel(neck_channels), persistent=False)

    def forward(self, spectrum: Tensor, plane: Bands, constant: float) -> Tensor:
        """Filter (T, B, Σc, F); `constant` is the zero-frequency coefficient of an image of ones."""
        alpha = self.alpha[:, self.level]
        gain = 1 + (alpha * self.scale)[..., None] * (1 + self.weight @ plane.bins)
        filtered = spectrum * gain[:, None]
        filtered[..., 0] += (alpha * self.shift * constant)[:, None]
        return filtered


class Consensus(nn.Module):
    """Move each task's filtered spectrum S towards the mean S̄ of the other tasks' projected spectra.

    Low band: |S| ← |S| + σ(a_L) · 0.5 · (γ_L |S̄| − |S|), the phase kept. Edge band, of weight `edge`:
    S ← S + σ(a_H) · 0.3 · edge · (γ_E S̄ − S). One a_L, a_H, γ_L, γ_E per task and level.
    """

    def __init__(self, tasks: int, neck_channels: Sequence[int]) -> None:
        super().__init__()
        shape = (tasks, len(neck_channels))
        self.a_low = nn.Parameter(torch.zeros(shape))
        self.a_edge = nn.Parameter(torch.zeros(shape))
        self.gamma_low = nn.Parameter(torch.ones(shape))
        self.gamma_edge = nn.Parameter(torch.ones(shape))
        self.register_buffer("level", _level_of_channel(neck_channels), persistent=False)

    def forward(self, spectrum: Tensor, projected: Tensor, plane: Bands) -> Tensor:
        """Mix filtered spectra (T, B, Σc, F) with the projected ones of the other tasks."""
        others = (projected.sum(0) - projected) / (projected.shape[0] - 1)
        edge = 0.3 * self._per_channel(self.a_edge.sigmoid()) * plane.edge
        mixed = spectrum * (1 - edge) + others * (edge * self._per_channel(self.gamma_edge))
        own, other = spectrum.index_select(-1, plane.low_index), others.index_select(-1, plane.low_index)
        low = 0.5 * self._per_channel(self.a_low.sigmoid()) * plane.low
        ratio = self._per_channel(self.gamma_low) * other.abs() / own.abs().clamp(min=1e-6)
        return mixed.index_add(-1, plane.low_index, own * (low * (ratio - 1)))

    def _per_channel(self, values: Tensor) -> Tensor:
        """Bring values (T, levels) to (T, 1, Σc, 1)."""
        return values[:, None, self.level, None]


def _level_of_channel(neck_channels: Sequence[int]) -> Tensor:
    return torch.arange(len(neck_channels)).repeat_interleave(torch.tensor(neck_channels))

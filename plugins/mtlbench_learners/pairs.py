"""Ordered pairs of tasks, and one mapping network that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.task import Task


@dataclass(frozen=True)
class Pairs:
    """Hold P ordered pairs: which image (P,), from which task (P,), to which task (P,)."""

    image: Tensor
    source: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.image)


def find_pairs(tasks: Sequence[str], labelled: Mapping[str, Tensor], complete: bool = False) -> Pairs:
    """Return every (unlabelled source, labelled target) of every image.

    With `complete`, an image that has all labels gives every pair of two tasks.
    """
    known = torch.stack([labelled[task] for task in tasks], 1)
    found = ~known[:, :, None] & known[:, None, :]
    if complete:
        others = ~torch.eye(len(tasks), dtype=torch.bool, device=known.device)
        found |= known.all(1)[:, None, None] & others
    return Pairs(*found.nonzero().unbind(1))


def pair_code(source: Tensor, target: Tensor, tasks: int) -> Tensor:
    """Return the number of each ordered pair of two tasks, from 0 to T (T - 1) - 1."""
    return source * (tasks - 1) + target - (target > source).long()


class Block(nn.Module):
    """Convolve 3x3, normalise in groups, scale and shift by the pair's vectors (FiLM), ReLU.

    `scale` and `shift` are (pairs · C,), pair by pair.
    """

    def __init__(self, inputs: int, outputs: int, pairs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.GroupNorm(groups(outputs), outputs, affine=False)
        self.scale = nn.Parameter(torch.ones(pairs * outputs))
        self.shift = nn.Parameter(torch.zeros(pairs * outputs))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Transform (N, I, h, w), each sample by its pair (N,)."""
        x = self.norm(self.conv(x))
        scale, shift = (p.view(-1, x.shape[1])[code][..., None, None] for p in (self.scale, self.shift))
        return F.relu(x * scale + shift)


class PairNetwork(nn.Module):
    """Encode maps of any task for a pair: one stem per task, then stages of blocks that know the pair.

    Args:
        tasks: in their order; a stem takes the task's channels.
        widths: channels of the stages, each at half the resolution of the one before.
    """

    def __init__(self, tasks: Sequence[Task], widths: Sequence[int]) -> None:
        super().__init__()
        pairs = len(tasks) * (len(tasks) - 1)
        self.stems = nn.ModuleList(plain(task.channels, widths[0]) for task in tasks)
        self.stages = nn.ModuleList()
        for inputs, outputs in zip([widths[0], *widths], widths, strict=False):
            blocks = [Block(inputs, outputs, pairs, stride=2), Block(outputs, outputs, pairs)]
            self.stages.append(nn.ModuleList(blocks))

    def forward(self, maps: Sequence[Tensor], task: Tensor, code: Tensor) -> list[Tensor]:
        """Return the features of the stem and of every stage for N samples, in their order.

        Args:
            maps: of every task, those of its samples (N_t, C_t, h, w).
            task: task of every sample (N,).
            code: pair of every sample (N,).
        """
        kept = [stem(x) for stem, x in zip(self.stems, maps, strict=True) if len(x)]
        x = torch.cat(kept)[task.argsort(stable=True).argsort()]
        features = [x]
        for first, second in self.stages:  # type: ignore[misc]
            x = second(first(x, code), code)
            features.append(x)
        return features


def plain(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution with group norm and ReLU."""
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(groups(outputs), outputs), nn.ReLU())


def groups(width: int) -> int:
    """Return the number of groups of about 8 channels that divides `width`."""
    return next(number for number in range(max(1, width // 8), 0, -1) if width % number == 0)


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return 1 - cos over the channels of (N, C, h, w), averaged over pixels: (N,)."""
    return 1 - F.cosine_similarity(a, b, dim=1, eps=1e-12).mean((1, 2))

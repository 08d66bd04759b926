"""Draw labels and raw outputs of any kind, for the suites of tasks, learners and datasets."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mtlbench.contracts.task import Task

#: the void value of each kind of label
VOID = {"classes": 255, "scalar": 0.0, "inverse": 0.0, "vector": 0.0, "image": float("nan")}


def outputs_of(task: Task, batch: int = 3, size: tuple[int, int] = (12, 16), seed: int = 0) -> Tensor:
    """Draw raw outputs (B, C, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, task.channels, *size, generator=generator)


def labels_of(task: Task, batch: int = 3, size: tuple[int, int] = (12, 16), seed: int = 1) -> Tensor:
    """Draw labels as batches hold them, a few pixels of each void."""
    generator = torch.Generator().manual_seed(seed)
    kind = task.label_kind
    if kind == "classes":
        label = torch.randint(0, max(2, task.channels), (batch, *size), generator=generator).to(torch.uint8)
        label[:, 0, :3] = VOID[kind]
    elif kind == "vector":
        raw = torch.randn(batch, 3, *size, generator=generator)
        label = raw / raw.norm(dim=1, keepdim=True)
        label[:, :, 0, :3] = VOID[kind]
    elif kind == "image":
        label = torch.rand(batch, task.channels, *size, generator=generator)
        label[:, :, 0, :3] = VOID[kind]
    else:
        label = 0.5 + torch.rand(batch, *size, generator=generator)
        label[:, 0, :3] = VOID[kind]
    return label


def void_like(task: Task, label: Tensor) -> Tensor:
    """Return a label of the same shape without a valid pixel."""
    return torch.full_like(label, VOID[task.label_kind])


def void_pixels(task: Task, label: Tensor) -> Tensor:
    """Return which pixels (B, H, W) of labels hold nothing."""
    if task.label_kind == "classes":
        return label == VOID["classes"]
    if task.label_kind == "vector":
        return (label == 0).all(1)
    if task.label_kind == "image":
        return label.isnan().any(1)
    return label <= 0


def is_label(kind: str, label: np.ndarray, size: tuple[int, int]) -> bool:
    """Say whether an array is what a dataset may yield as a label of this kind for an image of `size`."""
    if kind == "classes":
        return label.dtype == np.uint8 and label.shape == size
    if kind in ("scalar", "inverse"):
        return label.dtype == np.float32 and label.shape == size and bool(np.isfinite(label).all())
    if kind == "vector":
        norms = np.linalg.norm(label, axis=-1)
        unit = bool((np.isclose(norms, 1, atol=1e-2) | (norms == 0)).all())
        return label.dtype == np.float32 and label.shape == (*size, 3) and unit
    return label.dtype == np.float32 and label.shape[:2] == size

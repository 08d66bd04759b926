"""Turn what tasks predict, and their labels, into maps that networks can read: numbers from 0 to about 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlbench.contracts.task import Task

VOID = 255


def prediction_map(task: Task, output: Tensor) -> Tensor:
    """Return raw outputs (B, C, h, w) as maps (B, C, h, w) that look like labels.

    Classes are drawn from their distribution, one-hot, with the gradient of the Gumbel softmax (temperature
    1); a scalar is divided by its largest magnitude in the image; vectors are (n + 1) / 2 of the unit vector;
    images stay as they are.
    """
    output = widen(output)
    if task.label_kind == "classes":
        if task.channels == 1:
            return _draw(torch.cat([torch.zeros_like(output), output], 1))[:, 1:]
        return _draw(output)
    if task.label_kind in ("scalar", "inverse"):
        return output / _largest(output)
    return (F.normalize(output, dim=1) + 1) / 2 if task.label_kind == "vector" else output


def label_map(task: Task, label: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels as maps (B, C, h, w), 0 where void, and which pixels are not void (B, 1, h, w)."""
    valid = valid_pixels(task, label)
    if task.label_kind == "classes":
        known = label.long()[:, None].where(valid, 0)
        if task.channels == 1:
            return (known > 0).float() * valid, valid
        maps = torch.zeros(len(label), task.channels, *label.shape[1:], device=label.device)
        return maps.scatter_(1, known, 1.0) * valid, valid
    label = label if label.dim() == 4 else label[:, None]
    known = label.where(valid, 0.0)
    if task.label_kind in ("scalar", "inverse"):
        return known / _largest(known), valid
    return ((known + 1) / 2 * valid if task.label_kind == "vector" else known), valid


def valid_pixels(task: Task, label: Tensor) -> Tensor:
    """Return which pixels of labels are not void (B, 1, h, w)."""
    if task.label_kind == "classes":
        return (label != VOID)[:, None]
    if task.label_kind in ("scalar", "inverse"):
        return (label.isfinite() & (label > 0))[:, None]
    finite = label.isfinite().all(1, keepdim=True)
    return finite & (label != 0).any(1, keepdim=True) if task.label_kind == "vector" else finite


def soft_map(task: Task, output: Tensor) -> Tensor:
    """Return raw outputs (B, C, h, w) as what they mean: probabilities, values, unit vectors."""
    output = widen(output)
    if task.label_kind == "classes":
        return output.sigmoid() if task.channels == 1 else output.softmax(1)
    return F.normalize(output, dim=1) if task.label_kind == "vector" else output


def image_losses(task: Task, output: Tensor, label: Tensor) -> Tensor:
    """Return the mean of the task's loss over the valid pixels of each image (B,), 0 without any."""
    pairs = [task.loss(o, y) for o, y in zip(output.split(1), label.split(1), strict=True)]
    return torch.stack([value / count.clamp_min(1) for value, count in pairs])


def widen(x: Tensor) -> Tensor:
    """Return x in float32 or wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _draw(logits: Tensor) -> Tensor:
    noise = torch.empty_like(logits).exponential_().clamp_min(1e-20).log()
    soft = (logits - noise).softmax(1)
    hard = torch.zeros_like(soft).scatter_(1, soft.argmax(1, keepdim=True), 1.0)
    return hard + (soft - soft.detach())


def _largest(x: Tensor) -> Tensor:
    return x.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-6)

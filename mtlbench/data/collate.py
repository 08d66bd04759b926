"""Put samples together as one batch of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlbench.data.kinds import VOID
from mtlbench.errors import MtlbenchError


def collate_train(samples: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Batch samples of a `TrainView`.

    Returns:
        inputs: uint8 (B, 3, H, W), RGB.
        labels: task -> tensor as `mtlbench.contracts.task.Task` describes it (kind `image`: (B, C, H, W)
            float32),
            void where an image misses the label.
        labelled: task -> bool (B,), whether the image has the label.
        ids: the images' ids.

    Raises:
        MtlbenchError: the images differ in size.
    """
    inputs = _inputs(samples)
    return {
        "inputs": inputs,
        "labels": {task: _stack(samples, task, kind, inputs.shape[2:]) for task, kind in kinds.items()},
        "labelled": {task: torch.tensor([task in sample["labels"] for sample in samples]) for task in kinds},
        "ids": [sample["id"] for sample in samples],
    }


def collate_eval(samples: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Batch samples of an `EvalView`, whose labels keep their own sizes.

    Returns:
        inputs: uint8 (B, 3, H, W), RGB.
        labels: task -> list over images of the label without batch axis, or None where the image lacks it.
        ids: the images' ids.
        content: for every image its part of `inputs` that is not padding, as (top, left, height, width).

    Raises:
        MtlbenchError: the images differ in size.
    """
    return {
        "inputs": _inputs(samples),
        "labels": {task: [_label(sample["labels"].get(task)) for sample in samples] for task in kinds},
        "ids": [sample["id"] for sample in samples],
        "content": [tuple(sample.get("content", (0, 0, *sample["image"].shape[:2]))) for sample in samples],
    }


def _inputs(samples: Sequence[Mapping[str, Any]]) -> Tensor:
    sizes = {sample["image"].shape for sample in samples}
    if len(sizes) > 1:
        sizes_text = " and ".join(f"{height}x{width}" for height, width, _ in sorted(sizes))
        raise MtlbenchError(
            f"Images of one batch differ in size ({sizes_text}); add dict(type='Resize', size=(H, W)) to the "
            "transforms, or use a batch size of 1."
        )
    return torch.from_numpy(np.stack([sample["image"].transpose(2, 0, 1) for sample in samples]))


def _label(label: np.ndarray | None) -> Tensor | None:
    # a copy of its own: caches hand out views
    return None if label is None else torch.from_numpy(np.array(_channels_first(label)))


def _stack(samples: Sequence[Mapping[str, Any]], task: str, kind: str, size: Sequence[int]) -> Tensor:
    labels = [sample["labels"].get(task) for sample in samples]
    known = [_channels_first(label) for label in labels if label is not None]
    if known:
        like = known[0]
    else:
        channels = {"vector": (3,), "image": (1,)}.get(kind, ())  # one void channel stands for any number
        like = np.empty((*channels, *size), np.uint8 if kind == "classes" else np.float32)
    batch = np.empty((len(labels), *like.shape), like.dtype)
    for place, label in zip(batch, labels, strict=True):
        place[...] = VOID[kind] if label is None else _channels_first(label)
    return torch.from_numpy(batch)


def _channels_first(label: np.ndarray) -> np.ndarray:
    """Return a view of (H, W) as it is, of (H, W, C) as (C, H, W)."""
    return label.transpose(2, 0, 1) if label.ndim == 3 else label

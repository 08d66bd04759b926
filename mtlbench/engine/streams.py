"""Task streams: activations with a leading axis (shared, task 1 ... task T) instead of a loop over tasks.

A tensor (S, B, ..., C) has S = 1 where all tasks still share it, S = 1 + T (shared first) where task-specific
layers fanned it out, or S = T where no shared stream is kept. Frozen layers see streams as batch; low-rank
layers of all streams are one batched product; a one-stream tensor broadcasts against a fanned-out one for
free.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def fold(x: Tensor) -> Tensor:
    """Merge the stream axis into the batch: (S, B, ...) -> (S·B, ...)."""
    return x.flatten(0, 1)


def unfold(x: Tensor, streams: int) -> Tensor:
    """Split the stream axis off the batch: (S·B, ...) -> (S, B, ...)."""
    return x.unflatten(0, (streams, x.shape[0] // streams))


def unfold_images(x: Tensor, images: int) -> Tensor:
    """Split the stream axis off the batch by the number of images: (S·B, ...) -> (S, B, ...)."""
    return x.unflatten(0, (-1, images))


def per_image(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a layer that knows only batches to every stream: (S, B, ...) -> (S, B, ...)."""
    return unfold(layer(fold(x)), x.shape[0])


def branch(x: Tensor, tasks: int) -> tuple[Tensor, Tensor]:
    """Split a stage's output into (streams for the decoder, streams for the next stage).

    With S = 1 + T the task streams leave to the decoder and the shared one goes on (the MTLoRA line);
    otherwise both are `x` itself.
    """
    if x.shape[0] == 1 + tasks:
        return x[1:], x[:1]
    return x, x


def batched_linear(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply every stream with its own weight, where S or R may be 1.

    (S, B, ..., I) x (R, O, I) -> (max(S, R), B, ..., O).
    """
    streams, outer = x.shape[0], x.shape[1:-1]
    flat = x.reshape(streams, -1, x.shape[-1])
    if streams == 1 and weight.shape[0] > 1:
        # one input, many weights: a single product with the stacked weight is faster than a batched one
        stacked = flat[0] @ weight.flatten(0, 1).T
        return stacked.unflatten(-1, weight.shape[:2]).movedim(-2, 0).reshape(weight.shape[0], *outer, -1)
    return (flat @ weight.transpose(-1, -2)).reshape(max(streams, weight.shape[0]), *outer, weight.shape[1])

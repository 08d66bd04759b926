"""Frozen linear layers with low-rank updates, one shared by all tasks and one per task (MTLoRA)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mtlbench.engine.layers import dropout
from mtlbench.engine.streams import batched_linear

SHARED_MODES = ("matrix", "matrixv2", "addition")


class MTLoRALinear(nn.Module):
    """Update the frozen product of the shared input for the shared stream and for each task.

    Takes (S, B, ..., I). Without tasks streams are batch, and y = W x + b + s·B A drop(x). With T tasks it
    takes S = 1 or 1 + T and returns 1 + T streams, the shared one first. With x the shared input, x_t the
    task's, or drop(x) where the input has not fanned out yet, and h = W x + b:

        matrix:    y = h + s·B A drop(x),    y_t = h + s·B_t A_t x_t
        matrixv2:  y = h + s·B A drop(x),    y_t = y + s·B_t A_t x_t
        addition:  y = h + norm(Σ_t y_t),    y_t = h + s·B_t A_t x_t

    Args:
        frozen: the layer to adapt; it becomes a submodule.
        tasks: T, the number of tasks with an update of their own, or 0.
        rank: r of the shared update.
        task_rank: r of the tasks' updates.
        scale: s.
        dropout: probability that an element of the shared input is dropped in training, for updates only.
        mode: one of `SHARED_MODES`.
        ends: whether nothing reads the shared stream that this layer returns; then y = h, unless tasks read
            y (`matrixv2`).
    """

    def __init__(
        self,
        frozen: nn.Linear,
        tasks: int,
        *,
        rank: int,
        task_rank: int,
        scale: float,
        dropout: float,
        mode: str,
        ends: bool = False,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.dropout = dropout
        self.tasks_read_shared = mode == "matrixv2"
        self.shared = self.task = self.norm = None
        if tasks:
            self.task = Updates(frozen, tasks, task_rank, scale)
        if tasks and mode == "addition":
            self.norm = None if ends else nn.LayerNorm(frozen.out_features).to(frozen.weight)
            if self.norm is not None:
                nn.init.zeros_(self.norm.weight)
        elif not ends or self.tasks_read_shared:
            self.shared = Updates(frozen, 1, rank, scale)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(1 if self.task is None else x.shape[0], -1, x.shape[-1])
        y = self.update(flat)
        return y.reshape(-1, *x.shape[1:-1], y.shape[-1])

    def update(self, x: Tensor) -> Tensor:
        """Map the inputs (1 or 1 + T, n, I) to all streams (1 or 1 + T, n, O)."""
        shared, own = x.split((1, x.shape[0] - 1))
        base = self.frozen(shared)
        dropped = dropout(shared, self.dropout, self.training)
        y = base if self.shared is None else self.shared(base, dropped)
        if self.task is None:
            return y
        tasks = self.task(y if self.tasks_read_shared else base, own if len(own) else dropped)
        if self.norm is not None:
            y = base + self.norm(tasks.sum(0, keepdim=True)).to(base.dtype)
        return torch.cat((y, tasks))


class Updates(nn.Module):
    """Add s·B_k A_k x_k to a product, for K streams.

    A (K, r, I) starts from Kaiming's uniform law with a = √5, B (K, O, r) from zero.
    """

    def __init__(self, frozen: nn.Linear, streams: int, rank: int, scale: float) -> None:
        super().__init__()
        self.rank, self.scale = rank, scale
        self.A = nn.Parameter(frozen.weight.new_empty(streams, rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(streams, frozen.out_features, rank))
        for A in self.A:
            nn.init.kaiming_uniform_(A, a=math.sqrt(5))

    def forward(self, product: Tensor, x: Tensor) -> Tensor:
        """Update a product (1, n, O) by inputs (1 or K, n, I): (K, n, O)."""
        product = product.expand(len(self.B), -1, -1)
        return torch.baddbmm(product, batched_linear(x, self.A), self.B.mT, alpha=self.scale)

"""Frozen linear layers with low-rank updates, one shared by all tasks and one per task (MTLoRA)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import dropout
from mtlbench.engine.streams import batched_linear
from mtlbench_mtlora.streams import Expand, Project

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
        self.scale, self.dropout = scale, dropout
        self.tasks_read_shared = mode == "matrixv2"
        self.shared = self.task = self.norm = None
        if tasks:
            self.task = Updates(frozen, tasks, task_rank)
        if tasks and mode == "addition":
            self.norm = None if ends else nn.LayerNorm(frozen.out_features).to(frozen.weight)
            if self.norm is not None:
                nn.init.zeros_(self.norm.weight)
        elif not ends or self.tasks_read_shared:
            self.shared = Updates(frozen, 1, rank)

    def forward(self, x: Tensor) -> Tensor:
        if self.task is None:
            y = self.adapt(x.flatten(0, -2))
        else:
            y = self.expand(*self.project(x.flatten(1, -2)))
        return y.reshape(-1, *x.shape[1:-1], y.shape[-1])

    def adapt(self, x: Tensor) -> Tensor:
        """Map inputs (n, I) to outputs (n, O) where there are no tasks."""
        if (self.training and self.dropout) or not self.merges(len(x)):
            # in place: nothing else reads the frozen product
            return self.share(self.frozen(x), self.drop(x), torch.Tensor.addmm_)
        weight = torch.addmm(self.frozen.weight, self.shared.B[0], self.shared.A[0], alpha=self.scale)
        return F.linear(x, weight, self.frozen.bias)

    def merges(self, rows: int) -> bool:
        """Return whether W + s·BA takes fewer multiplications than passing the rows through A and B.

        Backward takes twice what forward takes, and the gradient of the merged weight besides.
        """
        outputs, inputs = self.frozen.weight.shape
        passes, gradient = (3, rows * outputs * inputs) if torch.is_grad_enabled() else (1, 0)
        rank = self.shared.rank
        return passes * rank * rows * (inputs + outputs) > passes * rank * inputs * outputs + gradient

    def project(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Split x (1 or 1 + T, n, I) into the shared input and all A_t x_t (T, n, r), None before the fan."""
        x = x.to(_computes_in(x))
        return Project.apply(x, self.task.A.to(x.dtype)) if len(x) > 1 else (x[0], None)

    def parts(self, x: Tensor, inner: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return y (n, O) of the shared stream, and what those of the tasks are made of.

        These are base (n, O), inner (T, n, r) and s·Bᵀ (T, r, O): y_t = base + inner_t · s·B_tᵀ.
        """
        # B is small, and backward through a transposed copy takes a fifth of the time of that through a view
        BT = (self.scale * self.task.B.to(x.dtype)).mT.contiguous()
        h, dropped = self.frozen(x), self.drop(x)
        if inner is None:
            inner = batched_linear(dropped[None], self.task.A.to(x.dtype))
        if self.norm is not None:
            total = torch.addmm(h, torch.cat(inner.unbind(), 1), BT.flatten(0, 1), beta=len(BT))
            return h + self.norm(total).to(h.dtype), h, inner, BT
        y = h if self.shared is None else self.share(h, dropped)
        return y, y if self.tasks_read_shared else h, inner, BT

    def expand(self, x: Tensor, inner: Tensor | None) -> Tensor:
        """Return all streams (1 + T, n, O) of what `project` returned."""
        return Expand.apply(*self.parts(x, inner))

    def share(self, product: Tensor, x: Tensor, addmm: Callable[..., Tensor] = torch.addmm) -> Tensor:
        """Add the shared update by inputs (n, I) to a product (n, O)."""
        A, BT = self.shared.A[0], self.shared.B[0].T.to(product.dtype)
        return addmm(product, F.linear(x, A), BT, alpha=self.scale)

    def drop(self, x: Tensor) -> Tensor:
        """Apply the dropout of updates."""
        return dropout(x, self.dropout, self.training)


class MergeableLinear(MTLoRALinear):
    """A layer in which nothing reads W without the shared update: no tasks, or `matrixv2`."""

    @torch.no_grad()
    def deployed(self) -> nn.Module:
        """Return the frozen layer with W + s·BA as its weight, and what tasks add to it, if there are any."""
        self.frozen.weight.addmm_(self.shared.B[0], self.shared.A[0], alpha=self.scale)
        if self.task is None:
            return self.frozen
        # a shared stream that "ends" is the frozen product alone, to which tasks add
        options = {"rank": 1, "task_rank": self.task.rank, "scale": self.scale, "dropout": 0.0}
        merged = MTLoRALinear(self.frozen, len(self.task.A), mode="matrix", ends=True, **options)
        merged.task = self.task
        return merged


class Updates(nn.Module):
    """Hold B_k A_k for K streams.

    A (K, r, I) starts from Kaiming's uniform law with a = √5, B (K, O, r) from zero.
    """

    def __init__(self, frozen: nn.Linear, streams: int, rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.A = nn.Parameter(frozen.weight.new_empty(streams, rank, frozen.in_features))
        self.B = nn.Parameter(frozen.weight.new_zeros(streams, frozen.out_features, rank))
        for A in self.A:
            nn.init.kaiming_uniform_(A, a=math.sqrt(5))


def _computes_in(x: Tensor) -> torch.dtype:
    """Return the type that products of x come in: autocast's where it is on."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype

"""One gradient per task, gathered over the parts of a step: the rows of the Jacobian of the task losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.engine import distributed
from mtlbench.engine.sharing import Share


class Rows:
    """Hold, per parameter or feature map, the gradient of every task's loss by it.

    Args:
        tasks: names of the active tasks, in the order of the rows.
        inputs: what is differentiated by.
        shares: what of a parameter tasks share; that of an input it lacks is True.
    """

    def __init__(
        self, tasks: Sequence[str], inputs: Sequence[Tensor], shares: Mapping[nn.Parameter, Share]
    ) -> None:
        self.tasks = tuple(tasks)
        self.inputs = list(inputs)
        self.shares = [shares.get(x, True) for x in self.inputs]  # type: ignore[call-overload]
        self.rows: list[list[Tensor | None]] = [[None] * len(self.tasks) for _ in self.inputs]

    def add(self, losses: Mapping[str, Tensor], keep: bool = False) -> None:
        """Add the gradients of one part's losses; its graph is freed unless `keep`."""
        for k, task in enumerate(self.tasks):
            found = torch.autograd.grad(
                losses[task],
                self.inputs,
                retain_graph=keep or k < len(self.tasks) - 1,
                allow_unused=True,
            )
            for row, gradient in zip(self.rows, found, strict=True):
                if gradient is not None:
                    known = row[k]
                    row[k] = gradient if known is None else known + gradient

    def reduce(self, inputs: Sequence[int]) -> None:
        """Replace the rows of some inputs by their means over all processes, in one exchange."""
        if distributed.world_size() == 1:
            return
        # every process has the same graph, and so the same rows
        found = [(i, k, row) for i in inputs for k, row in enumerate(self.rows[i]) if row is not None]
        if found:
            flat = torch.cat([row.reshape(-1) for _, _, row in found])
            flat = distributed.total(flat) / distributed.world_size()
            parts = flat.split([row.numel() for _, _, row in found])
            for (i, k, row), part in zip(found, parts, strict=True):
                self.rows[i][k] = part.view_as(row)

    def gram(self, groups: Sequence[Sequence[int]], scales: Tensor) -> Tensor:
        """Return the inner products of the scaled rows by what is shared in each group of inputs.

        (groups, K, K), in float64 on the CPU.
        """
        grams = [(matrix := self._matrix(group, torch.float64)) @ matrix.T for group in groups]
        return torch.stack(grams).cpu() * torch.outer(scales, scales)

    def jacobian(self, scales: Tensor) -> Tensor:
        """Return the scaled rows by all that is shared (K, P), 0 where a task doesn't reach."""
        matrix = self._matrix(range(len(self.inputs)), torch.float32)
        return matrix.mul_(scales.to(matrix)[:, None])

    def _matrix(self, inputs: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return what is shared of the rows of some inputs side by side."""
        counts = [shared_count(self.inputs[i], self.shares[i]) for i in inputs]
        matrix = torch.zeros(len(self.tasks), sum(counts), dtype=dtype, device=self.inputs[0].device)
        for k, line in enumerate(matrix):
            for i, piece in zip(inputs, line.split(counts), strict=True):
                row, share = self.rows[i][k], self.shares[i]
                if row is not None and share is not False:
                    row = row if share is True else row[share]
                    piece.view(row.shape).copy_(row)
        return matrix

    def not_finite(self) -> Tensor:
        """Return for every task whether its gradient has no finite norm (K,)."""
        norms = []
        for k in range(len(self.tasks)):
            rows = [row for found in self.rows if (row := found[k]) is not None]
            norms.append(nn.utils.get_total_norm(rows).float())
        return ~torch.stack(norms).isfinite()

    def combine(self, i: int, alpha: Tensor, own: Tensor) -> Tensor | None:
        """Return Σ_k c_k g_k for input i: c is `alpha` (K,) on shared slices and `own` (K,) on a task's."""
        share = self.shares[i]
        if isinstance(share, bool):
            return self._sum(i, alpha if share else own)
        return where_shared(share, self._sum(i, alpha), self._sum(i, own))

    def seed(self, i: int, weights: Tensor) -> Tensor:
        """Return Σ_k weights_k g_k for feature map i, with which a pass of what is behind it starts."""
        total = self._sum(i, weights)
        return torch.zeros_like(self.inputs[i]) if total is None else total.to(self.inputs[i].dtype)

    def _sum(self, i: int, weights: Tensor) -> Tensor | None:
        total: Tensor | None = None
        for weight, row in zip(weights.tolist(), self.rows[i], strict=True):
            if row is None:
                continue
            if total is None:
                total = row.to(torch.promote_types(row.dtype, torch.float32)) * weight
            else:
                total.add_(row, alpha=weight)
        return total

    def direct(self, i: int, direction: Tensor, own: Tensor) -> Tensor | None:
        """Return the gradient of input i: `direction` (n,) on shared slices, a task's own g_k times `own`."""
        total, share = self._sum(i, own), self.shares[i]
        if total is None or share is False:
            return total
        if share is True:
            return direction.view_as(total).to(total)
        total[share] = direction.view(-1, *total.shape[1:]).to(total)
        return total


def where_shared(share: Share, left: Tensor | None, right: Tensor | None) -> Tensor | None:
    """Take shared slices from `left` and others from `right`, both (n, ...), or both None."""
    if isinstance(share, bool) or left is None or right is None:
        return left if share is True else right
    return torch.where(share.view(-1, *[1] * (left.ndim - 1)), left, right)


def shared_count(parameter: Tensor, share: Share) -> int:
    """Return how many numbers of a parameter tasks share."""
    if isinstance(share, bool):
        return parameter.numel() if share else 0
    return int(share.sum()) * (parameter.numel() // len(parameter))


def accumulate(parameter: Tensor, gradient: Tensor | None) -> None:
    """Add a gradient to what the parameter has."""
    if gradient is not None:
        gradient = gradient.to(parameter.dtype)
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient

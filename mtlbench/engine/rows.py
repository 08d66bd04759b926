"""One gradient per task, gathered over the parts of a step: the rows of the Jacobian of the task losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.engine import distributed
from mtlbench.engine.sharing import SHARED


class Rows:
    """Hold, per parameter or feature map, the gradient of every task's loss by it.

    Args:
        tasks: names of the active tasks, in the order of the rows.
        inputs: what is differentiated by.
        owners: parameter -> int64 (n,), see `sharing.owners`; what it lacks is shared.
    """

    def __init__(
        self, tasks: Sequence[str], inputs: Sequence[Tensor], owners: Mapping[nn.Parameter, Tensor]
    ) -> None:
        self.tasks = tuple(tasks)
        self.inputs = list(inputs)
        self.owners = [owners.get(x) for x in self.inputs]  # type: ignore[call-overload]
        self.rows: list[list[Tensor | None]] = [[None] * len(self.tasks) for _ in self.inputs]

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add the gradients of one part's losses; graphs are kept."""
        for k, task in enumerate(self.tasks):
            found = torch.autograd.grad(losses[task], self.inputs, retain_graph=True, allow_unused=True)
            for row, gradient in zip(self.rows, found, strict=True):
                if gradient is not None:
                    known = row[k]
                    row[k] = gradient if known is None else known + gradient

    def reduce(self) -> None:
        """Replace every row by its mean over all processes."""
        if distributed.world_size() == 1:
            return
        flat = torch.cat([self._dense(i).reshape(-1) for i in range(len(self.inputs))])
        flat = distributed.total(flat) / distributed.world_size()
        sizes = [len(self.tasks) * x.numel() for x in self.inputs]
        for i, part in enumerate(flat.split(sizes)):
            present = [row is not None for row in self.rows[i]]
            rows = part.view(len(self.tasks), *self.inputs[i].shape)
            self.rows[i] = [row if here else None for row, here in zip(rows, present, strict=True)]

    def _dense(self, i: int) -> Tensor:
        return torch.stack([torch.zeros_like(self.inputs[i]) if r is None else r for r in self.rows[i]])

    def shared(self, i: int, scales: Tensor) -> Tensor | None:
        """Return the shared slices of the rows of input i, scaled by (K,), as (K, n), or None without any."""
        owner = self.owners[i]
        if all(row is None for row in self.rows[i]) or (owner is not None and (owner != SHARED).all()):
            return None
        rows = self._dense(i)
        if owner is not None and (owner != SHARED).any():
            rows = rows[:, owner == SHARED]
        return rows.flatten(1) * scales.to(rows)[:, None]

    def gram(self, scales: Tensor) -> Tensor:
        """Return per input (inputs, K, K) the inner products of the shared, scaled rows, in float64."""
        count = len(self.tasks)
        grams = torch.zeros(len(self.inputs), count, count, dtype=torch.float64)
        for i in range(len(self.inputs)):
            rows = self.shared(i, scales)
            if rows is not None:
                rows = rows.double()
                grams[i] = (rows @ rows.T).cpu()
        return grams

    def not_finite(self) -> list[str]:
        """Return the tasks of whose gradients a number is NaN or infinite."""
        sums = torch.zeros(len(self.tasks), dtype=torch.float64)
        for rows in self.rows:
            for k, row in enumerate(rows):
                if row is not None:
                    sums[k] += row.double().abs().sum().cpu()
        return [task for task, number in zip(self.tasks, sums.tolist(), strict=True) if not _finite(number)]

    def combine(self, i: int, alpha: Tensor, own: Tensor) -> Tensor | None:
        """Return Σ_k c_k g_k for input i: c is `alpha` (K,) on shared slices and `own` (K,) on a task's."""
        total: Tensor | None = None
        owner = self.owners[i]
        for k, row in enumerate(self.rows[i]):
            if row is None:
                continue
            weight: Tensor = alpha[k].to(row)
            if owner is not None:
                weight = torch.where(owner == SHARED, weight, own[k].to(row))
                weight = weight.view(-1, *[1] * (row.ndim - 1)) if row.ndim else weight[0]
            total = weight * row if total is None else total + weight * row
        return total

    def set_gradients(self, scales: Tensor) -> None:
        """Add Σ_k scales_k g_k to the gradient of every input."""
        for i, x in enumerate(self.inputs):
            accumulate(x, self.combine(i, scales, scales))

    def direct(self, i: int, direction: Tensor | None, own: Tensor) -> Tensor | None:
        """Return the gradient of input i: `direction` (n,) on shared slices, a task's own g_k times `own`."""
        total = self.combine(i, torch.zeros(len(self.tasks)), own)
        if direction is None or total is None:
            return total
        owner = self.owners[i]
        if owner is None or not total.ndim:
            return direction.view_as(total).to(total)
        total[owner == SHARED] = direction.view(-1, *total.shape[1:]).to(total)
        return total


def accumulate(parameter: Tensor, gradient: Tensor | None) -> None:
    """Add a gradient to what the parameter has."""
    if gradient is not None:
        gradient = gradient.to(parameter.dtype)
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def _finite(number: float) -> bool:
    return number - number == 0

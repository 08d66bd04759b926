"""GO4Align."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer


class GO4Align(Balancer):
    """Align tasks in groups: bring losses to one scale, and give each group the mean risk of its tasks.

    Shen et al., NeurIPS 2024 (arXiv 2404.06486), after its public code: indicators p ← p exp(−η L) / norm,
    γ_t = (Σ_j L_j / L_t) p_t, groups by k-means on γ, and the weight of a task is its group's mean γ.

    Args:
        tasks: names of the experiment's tasks.
        eta: η.
        groups: number of groups, at most one per active task.
    """

    def __init__(self, tasks: Sequence[str], eta: float = 1e-4, groups: int = 2) -> None:
        super().__init__(tasks)
        self.eta, self.groups = eta, groups
        self.share: Tensor
        self.register_buffer(
            "share", torch.full((len(self.tasks),), 1 / len(self.tasks), dtype=torch.float64)
        )

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean of each task's group."""
        at = torch.tensor([self.tasks.index(task) for task in losses])
        values = torch.stack([loss.double().cpu() for loss in losses.values()]).clamp(min=1e-12)
        moved = self.share[at] * (-self.eta * values).exp()
        self.share[at] = moved * (self.share[at].sum() / moved.sum())
        scaled = values.sum() / values * self.share[at]
        weights = group_means(scaled, min(self.groups, len(scaled)))
        return {task: weight.to(loss) for (task, loss), weight in zip(losses.items(), weights, strict=True)}


def group_means(values: Tensor, groups: int) -> Tensor:
    """Return for every number (K,) the mean of its group, the best partition of the line into `groups`.

    Exact: groups of the optimal k-means on a line are runs of the sorted numbers.
    """
    order = values.argsort()
    sorted_values = values[order]
    count = len(values)
    best = [[(float("inf"), 0)] * (groups + 1) for _ in range(count + 1)]
    best[0][0] = (0.0, 0)
    for stop in range(1, count + 1):
        for used in range(1, groups + 1):
            for start in range(stop):
                run = sorted_values[start:stop]
                cost = best[start][used - 1][0] + float(((run - run.mean()) ** 2).sum())
                if cost < best[stop][used][0]:
                    best[stop][used] = (cost, start)
    means = torch.empty_like(values)
    stop = count
    for used in range(groups, 0, -1):
        start = best[stop][used][1]
        means[order[start:stop]] = sorted_values[start:stop].mean()
        stop = start
    return means

"""Fixed weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtlbench.contracts.balancer import Balancer
from mtlbench.errors import MtlbenchError

#: used unchanged by the survey of Vandenhende et al., InvPT, TaskPrompter and the MTLoRA line
LITERATURE = {"semseg": 1.0, "human_parts": 2.0, "saliency": 5.0, "normals": 10.0, "depth": 1.0, "edge": 50.0}


class UnknownWeight(MtlbenchError):
    """Say which task has no weight, or which weight no task."""


class Fixed(Balancer):
    """Weight each task by a constant.

    Args:
        tasks: names of the experiment's tasks.
        weights: task -> weight; tasks left out take the literature's weight.

    Raises:
        UnknownWeight: a task has no weight, or a weight names no task of the experiment.
    """

    static = True

    def __init__(self, tasks: Sequence[str], weights: Mapping[str, float] | None = None) -> None:
        super().__init__(tasks)
        own = dict(weights or {})
        strangers = sorted(set(own) - set(self.tasks))
        if strangers:
            raise UnknownWeight(
                f"The balancer `fixed` has weights for {strangers}, but the experiment's tasks are "
                f"{sorted(self.tasks)}; correct or remove them in `weights`."
            )
        table = {**LITERATURE, **own}
        missing = sorted(set(self.tasks) - set(table))
        if missing:
            raise UnknownWeight(
                f"The literature has no weight for {missing}; give one in `weights`, "
                f'for example weights={{"{missing[0]}": 1.0}}.'
            )
        self.table = {task: table[task] for task in self.tasks}

    def weights(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the constant of every active task."""
        return {task: torch.full_like(loss, self.table[task]) for task, loss in losses.items()}

"""Masked supervision."""

from __future__ import annotations

from torch import Tensor

from mtlbench.contracts.learner import Learner, Step


class Masked(Learner):
    """Learn from labelled pixels only: the task losses already leave out what is void."""

    def extra(self, step: Step) -> dict[str, Tensor]:
        """Return no further loss."""
        return {}

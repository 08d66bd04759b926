"""What aggregators of torchjd remember between steps, kept by task and in checkpoints.

torchjd numbers tasks by row, starts anew without a word when the number of rows changes, and has state that
no `state_dict` shows. So an aggregator is made for every step, is lent the rows of the active tasks before
it, and what it has then is taken back. The names with an underscore are those of torchjd 0.18.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from mtlbench.errors import MtlbenchError


class Memory(nn.Module, ABC):
    """Hold the state of one aggregator for all tasks; `at` (K,) are the indices of the active ones."""

    #: gradients of different steps are compared, so they may not be rescaled step by step
    compares_steps: bool = False

    def prepare(self, parameters: int, device: torch.device | str) -> None:
        """Make room for state by parameter."""

    def select(self, index: Tensor) -> None:
        """Keep these columns of state by parameter."""

    @abstractmethod
    def lend(self, weighting: Any, at: Tensor, rows: Tensor) -> None:
        """Give the weighting the state of the active tasks; `rows` is what it will be called with."""

    @abstractmethod
    def take(self, weighting: Any, at: Tensor) -> None:
        """Take back the state of the active tasks."""


class GradVacMemory(Memory):
    """Hold the running cosine of every ordered pair of tasks (T, T)."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.target: Tensor
        self.register_buffer("target", torch.zeros(tasks, tasks, dtype=torch.float64))

    def lend(self, weighting: Any, at: Tensor, rows: Tensor) -> None:
        """Lend the cosines among the active tasks."""
        weighting._phi_t = self.target[at][:, at].to(rows)
        weighting._state_key = (len(at), rows.dtype)

    def take(self, weighting: Any, at: Tensor) -> None:
        """Take them back."""
        self.target[at[:, None], at] = weighting._phi_t.to(self.target)


class PCDMemory(Memory):
    """Hold the running mean of every task's squared norm (T,), free of the bias of its first steps.

    The weight of a new value follows the number of steps of the run. A task that comes late starts with its
    first value, and where all tasks are in every step, all is as in torchjd.
    """

    compares_steps = True

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.register_buffer("mean", torch.full((tasks,), math.nan, dtype=torch.float64))
        self.steps: Tensor
        self.register_buffer("steps", torch.tensor(0))

    def lend(self, weighting: Any, at: Tensor, rows: Tensor) -> None:
        """Lend the means of the active tasks, with the bias put back."""
        mean = self.mean[at].cpu()
        mean = torch.where(mean.isnan(), rows.diagonal().cpu(), mean)
        weighting._sq_norm_ema = mean * (1 - weighting.beta ** int(self.steps))
        weighting._n_steps = self.steps.cpu().clone()
        weighting._state_key = len(at)

    def take(self, weighting: Any, at: Tensor) -> None:
        """Take them back."""
        self.steps.copy_(weighting._n_steps)
        self.mean[at] = (weighting._sq_norm_ema / (1 - weighting.beta ** int(self.steps))).to(self.mean)


class ExcessMTLMemory(Memory):
    """Hold every task's weight, first excess risk and sum of squared gradients (T, P).

    Active tasks share among them what weight they had together, the others keep theirs.
    """

    compares_steps = True

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.first: Tensor
        self.warmup: Tensor
        self.register_buffer("weight", torch.full((tasks,), 1 / tasks))
        self.register_buffer("first", torch.full((tasks,), math.nan))
        self.register_buffer("warmup", torch.zeros(tasks))
        self.steps: Tensor
        self.register_buffer("steps", torch.tensor(0))
        self.squares: Tensor

    def prepare(self, parameters: int, device: torch.device | str) -> None:
        """Make room for the squares (T, P)."""
        self.register_buffer("squares", torch.zeros(len(self.weight), parameters, device=device))

    def select(self, index: Tensor) -> None:
        """Keep the columns of parameters that were not cut."""
        self.squares = self.squares.index_select(1, index)

    def lend(self, weighting: Any, at: Tensor, rows: Tensor) -> None:
        """Lend the state of the active tasks.

        Raises:
            MtlbenchError: a task is missing before the first excess risk of all is known.
        """
        known = int(self.steps) > weighting.n_warmup_steps
        if not known and len(at) < len(self.weight):
            raise MtlbenchError(
                f"ExcessMTL compares every task with its first steps, and one of the first "
                f"{weighting.n_warmup_steps + 1} steps has no labels of some tasks. Choose a label protocol "
                "under which every batch has labels of all tasks, or another aggregator."
            )
        weight = self.weight[at].to(rows)
        share = weight.sum()
        weighting._weights = torch.where(share > 0, weight / share, 1 / len(at))
        weighting._sq_grad_sum = self.squares[at].to(rows)
        weighting._initial_w = self.first[at].to(rows) if known else None
        weighting._warmup_w_sum = self.warmup[at].to(rows)
        weighting._n_steps = int(self.steps)
        weighting._state_key = (*rows.shape, rows.dtype, rows.device)

    def take(self, weighting: Any, at: Tensor) -> None:
        """Take it back."""
        self.weight[at] = (weighting._weights * self.weight[at].sum()).to(self.weight)
        self.squares[at] = weighting._sq_grad_sum.to(self.squares)
        self.warmup[at] = weighting._warmup_w_sum.to(self.warmup)
        self.steps.fill_(weighting._n_steps)
        if weighting._initial_w is not None:
            self.first[at] = weighting._initial_w.to(self.first)


MEMORIES = {"ExcessMTL": ExcessMTLMemory, "GradVac": GradVacMemory, "PCD": PCDMemory}

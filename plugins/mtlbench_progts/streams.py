"""Part streams where groups of tasks part, and give every task the stream of its group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


class Branch(nn.Module):
    """Split a stage's output (S, B, ...) into the tasks' streams (T, B, ...) and those that go on, all S.

    S tells the grouping, since nested groupings of one size are equal. A stream of all tasks stays one.

    Args:
        tasks: T.
        groupings: per stage, task by task, the index of its group.
    """

    def __init__(self, tasks: int, groupings: Iterable[Sequence[int]]) -> None:
        super().__init__()
        self.tasks = tasks
        for of_task in groupings:
            self.register_buffer(f"of_{max(of_task) + 1}", torch.tensor(of_task), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if len(x) in (1, self.tasks):
            return x, x
        return x[self.get_buffer(f"of_{len(x)}")], x


class Widen(nn.Module):
    """Run a stage's first block on finer streams, each starting as that of the group it was part of.

    Args:
        block: maps (x, tokens) to both.
        parents: for every finer group, the index of the coarser one.
    """

    def __init__(self, block: nn.Module, parents: Sequence[int]) -> None:
        super().__init__()
        self.block = block
        self.register_buffer("parents", torch.tensor(parents), persistent=False)

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        return self.block(x if len(x) == 1 else x[self.parents], tokens)

"""Draw by hashes: whole numbers, the same on every platform and in any order of images and tasks."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Literal

from mtlbench.contracts.label_protocol import LabelProtocol
from mtlbench.errors import MtlbenchError
from mtlbench.results.schema import canonical_json


class Draw(LabelProtocol):
    """Choose visible labels from a seed.

    Args:
        tasks: all tasks of the draw, whichever of them a run trains: so runs that train some of them, such as
            single-task references, see the labels that all see.
        draw: the seed; `"run"` takes that of the run.
    """

    def __init__(self, tasks: Sequence[str], draw: int | Literal["run"] = 0) -> None:
        if isinstance(tasks, str) or not tasks or len({*tasks}) < len(tasks):
            raise MtlbenchError(f"A draw of labels needs a list of different tasks, and not {tasks!r}.")
        if draw != "run" and (type(draw) is not int or draw < 0):
            raise MtlbenchError(
                f"label_protocol.draw is {draw!r}; make it a whole number from 0 on, or 'run' for the seed "
                "of the run."
            )
        self.tasks, self.draw = tuple(sorted(tasks)), draw

    def drawn_from(self, seed: int) -> int:
        """Return the option `draw`, or the run's seed if it says so."""
        return seed if self.draw == "run" else self.draw

    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return the draw of all its tasks.

        Raises:
            MtlbenchError: a task that trains is none of them, or there are too few images.
        """
        for task in tasks:
            if task not in self.tasks:
                raise MtlbenchError(
                    f"The label protocol draws labels of {', '.join(self.tasks)}, and says nothing about "
                    f"{task!r}; name it in label_protocol too."
                )
        return self.choose(sorted(ids), self.drawn_from(seed))

    @abstractmethod
    def choose(self, ids: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return image id -> visible tasks, among `self.tasks`; both come sorted."""


def number(*key: str | int) -> int:
    """Return a whole number below 2^256 that is a function of `key` alone, even and independent per key."""
    return int.from_bytes(hashlib.sha256(canonical_json(key).encode()).digest(), "big")


def shuffled(items: Iterable[str], *key: str | int) -> list[str]:
    """Return the items in an order that `key` decides; where an item comes depends on nobody but itself."""
    return sorted(items, key=lambda item: number(*key, item))

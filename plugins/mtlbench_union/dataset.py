"""Read several datasets as one."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, ClassVar

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.decoded import open_decoded
from mtlbench.engine.config import Component
from mtlbench.engine.options import check_options
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench.plugin import Catalog
from mtlbench.results.schema import canonical_json

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


class Union(Dataset):
    """Join the same split of several datasets; an image has the labels of its own dataset.

    Ids are `part/id`. Every part keeps its samples decoded as it does alone.

    Args:
        split: `train` or `val`, of all parts.
        tasks: every one of them must be among the tasks of a part.
        parts: name -> `type`, `tasks` and options of a dataset.

    Raises:
        MtlbenchError: a part names no tasks, or such as its dataset lacks, or nobody has a task.
    """

    #: what can be asked for depends on the parts
    task_options: ClassVar[dict[str, dict[str, Any]]] = {}
    keep_decoded = False

    def __init__(self, split: str, tasks: Sequence[str], parts: Mapping[str, Mapping[str, Any]] = {}) -> None:
        if not parts:
            raise MtlbenchError("The dataset union has no images of its own; name datasets in dataset.parts.")
        had = {task for part, options in parts.items() for task in _tasks(part, options)}
        for task in tasks:
            if task not in had:
                raise MtlbenchError(
                    f"No part of the union has the task {task!r}.{did_you_mean(task, had)} "
                    "Add it to the tasks of a part."
                )
        self.parts = {name: _open(name, split, tasks, options) for name, options in parts.items()}
        self.ids = tuple(f"{name}/{image}" for name, part in self.parts.items() for image in part.ids)
        self._starts = [0, *accumulate(len(part) for part in self.parts.values())]

    def __getitem__(self, index: int) -> Sample:
        """Return sample `index`, counted through the parts in their order."""
        place = bisect_right(self._starts, index) - 1
        sample = [*self.parts.values()][place][index - self._starts[place]]
        return {**sample, "id": self.ids[index]}

    def fingerprint(self) -> str:
        """Return a hash of the parts' names and fingerprints."""
        content = [[name, part.fingerprint()] for name, part in self.parts.items()]
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:16]


def _open(name: str, split: str, tasks: Sequence[str], part: Mapping[str, Any]) -> Dataset:
    target: Any = Catalog.load().resolve("dataset", part["type"])
    options = {key: value for key, value in part.items() if key != "tasks"}
    check_options("dataset", Component(**options), target)
    own = tuple(task for task in tasks if task in part["tasks"])
    del options["type"]
    return open_decoded(target(split=split, tasks=own, **options), own)


def _tasks(name: str, part: Mapping[str, Any]) -> list[str]:
    if not _NAME.fullmatch(name):
        raise MtlbenchError(f"{name!r} cannot name a part; use lowercase letters, digits, '-', '_' and '.'.")
    if not {"type", "tasks"} <= part.keys() or isinstance(part["tasks"], str):
        raise MtlbenchError(f"The part {name!r} needs a type, and a list of the tasks that it has labels of.")
    return [*part["tasks"]]

"""Hold how much tasks help each other, and score groups of them by it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.search import Candidate

#: the score of a task alone where the method has none: it is then alone only if no group can have it, as in
#: TAG (Fifty et al., NeurIPS 2021)
ALONE = -1e6


@dataclass(frozen=True)
class Affinity:
    """Hold Z, in the unit of its method: what is good is positive or large.

    `values[i][j]` is Z_{i→j}, how much task i helps task j, and None where that is not known; the diagonal is
    shown and never compared. `alone[j]` is what j scores alone, in the same unit, None where the method has
    no such score.
    """

    method: str
    tasks: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    alone: tuple[float | None, ...]

    @classmethod
    def of(
        cls,
        method: str,
        tasks: Iterable[str],
        pairs: Mapping[tuple[str, str], float],
        alone: Mapping[str, float] | None = None,
    ) -> Affinity:
        """Make a matrix of (giver, receiver) -> Z."""
        names = tuple(sorted(tasks))
        values = tuple(tuple(pairs.get((giver, receiver)) for receiver in names) for giver in names)
        return cls(method, names, values, tuple((alone or {}).get(task) for task in names))

    def between(self, giver: str, receiver: str) -> float | None:
        """Return Z_{giver→receiver}."""
        return self.values[self.tasks.index(giver)][self.tasks.index(receiver)]

    def candidates(self, measured: Sequence[Candidate] = (), single_cost: float = 1.0) -> list[Candidate]:
        """Return every group that can be scored; a task scores the mean affinity of the others onto it,

            score_j(S) = 1/(|S|-1) · Σ_{i ∈ S, i ≠ j} Z_{i→j}.

        With results of pairs as Z this is the higher-order approximation of Standley et al., ICML 2020, and
        with inter-task affinities the score of TAG. Groups in `measured` keep the scores that they have.

        Args:
            measured: groups whose scores are known.
            single_cost: what a network for one task costs, in units of one for several.
        """
        known = {candidate.tasks for candidate in measured}
        found = [Candidate({task: self._alone(task)}, single_cost) for task in self.tasks]
        for size in range(2, len(self.tasks) + 1):
            for group in combinations(self.tasks, size):
                scores = {task: self._mean_onto(task, group) for task in group}
                if group not in known and not any(map(math.isnan, scores.values())):
                    found.append(Candidate(scores, approximate=size > 2))
        return [*found, *measured]

    def _alone(self, task: str) -> float:
        score = self.alone[self.tasks.index(task)]
        return ALONE if score is None else score

    def _mean_onto(self, receiver: str, group: Sequence[str]) -> float:
        given = [self.between(giver, receiver) for giver in group if giver != receiver]
        return sum(math.nan if value is None else value for value in given) / len(given)

    def as_dict(self) -> dict[str, Any]:
        """Return the content of a matrix's file: giver -> receiver -> Z, and what is known of tasks alone."""
        rows = zip(self.tasks, self.values, strict=True)
        return {
            "method": self.method,
            "affinity": {
                giver: {task: z for task, z in zip(self.tasks, row, strict=True) if z is not None}
                for giver, row in rows
            },
            "alone": {task: z for task, z in zip(self.tasks, self.alone, strict=True) if z is not None},
        }


def load_affinity(path: Path) -> Affinity | None:
    """Read a matrix's file; None where the file is JSON of something else, such as a record.

    Raises:
        GroupingError: the file cannot be read, is not JSON, or its matrix is not one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GroupingError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise GroupingError(f"{path} is not JSON: {error}. Write the file anew.") from error
    if not isinstance(content, dict) or "affinity" not in content:
        return None
    fault = _fault(content)
    if fault:
        raise GroupingError(
            f"{path} holds no matrix: {fault}. Write "
            '{"affinity": {"a": {"b": 0.2}, "b": {"a": 0.1}}}, where task a helps task b by 0.2.'
        )
    rows = content["affinity"]
    pairs = {(giver, receiver): float(z) for giver, row in rows.items() for receiver, z in row.items()}
    method = str(content.get("method", "matrix"))
    return Affinity.of(method, rows, pairs, content.get("alone"))


def _fault(content: Mapping[str, Any]) -> str:
    """Say what is wrong with the content of a matrix's file, or nothing."""
    rows, alone = content["affinity"], content.get("alone", {})
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        return "affinity must map tasks to rows"
    if len(rows) < 2:
        return "there must be at least two tasks"
    if not isinstance(alone, dict):
        return "alone must map tasks to numbers"
    for place, row in [*((f"affinity.{giver}", row) for giver, row in rows.items()), ("alone", alone)]:
        for task, number in row.items():
            if task not in rows:
                return f"{place} names {task!r}, which has no row"
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                return f"{place}.{task} is {number!r}, which is not a finite number"
    return ""

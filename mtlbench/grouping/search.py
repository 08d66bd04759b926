"""Find the best cover of the tasks by groups that a budget pays for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mtlbench.grouping.errors import GroupingError

#: searching is exact and takes 3^T steps: seconds for so many tasks
MOST_TASKS = 12
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Candidate:
    """Hold a group that could be trained: what each of its tasks scores in it (the more the better).

    `cost` is in units of one network. `approximate` says that the scores are means over pairs.
    """

    scores: Mapping[str, float]
    cost: float = 1.0
    approximate: bool = field(default=False, compare=False)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of its tasks, in alphabetical order."""
        return tuple(sorted(self.scores))


@dataclass(frozen=True)
class Cover:
    """Hold the chosen groups; `serves` names the tasks whose predictions are taken from each of them."""

    groups: tuple[Candidate, ...]
    serves: tuple[tuple[str, ...], ...]

    @property
    def scores(self) -> dict[str, float]:
        """Return task -> its score in the group that serves it."""
        pairs = zip(self.groups, self.serves, strict=True)
        return {task: group.scores[task] for group, tasks in pairs for task in tasks}

    @property
    def score(self) -> float:
        """Return the mean of the tasks' scores."""
        return sum(self.scores.values()) / len(self.scores)

    @property
    def cost(self) -> float:
        """Return what all groups cost together."""
        return sum(group.cost for group in self.groups)


def best_cover(candidates: Iterable[Candidate], tasks: Sequence[str], budget: float) -> Cover:
    """Return the groups of a total cost of at most `budget` that maximise Σ_t max_{S ∋ t} score_t(S).

    Groups may overlap. Which tasks a group serves makes a partition of the tasks, so the best cover is found
    by dynamic programming over subsets A of the tasks,

        f(A) = max_{B ⊆ A} g(B) + f(A \\ B),    g(B) = max_{S ⊇ B} Σ_{t ∈ B} score_t(S),

    where f and g are kept for every cost that pays for itself. That is exact, for any costs. Of covers that
    score alike the cheaper one is returned, then the one whose groups are smaller.

    Raises:
        GroupingError: the budget pays for no cover, or there are too many tasks.
    """
    names = sorted(tasks)
    if len(names) > MOST_TASKS:
        raise GroupingError(
            f"The search over groups of {len(names)} tasks would take too long; it is exact up to "
            f"{MOST_TASKS}. Leave out tasks whose place is clear."
        )
    index = {task: bit for bit, task in enumerate(names)}
    blocks = _blocks(candidates, index, budget)
    fronts: list[list[_Step]] = [[_Step(0.0, 0.0, 0, None, None)]]
    for mask in range(1, 1 << len(names)):
        lowest = mask & -mask
        found = [
            _Step(cost + rest.cost, value + rest.value, size + rest.size, candidate, rest)
            for block in _subsets(mask)
            if block & lowest
            for cost, value, size, candidate, _ in blocks.get(block, ())
            for rest in fronts[mask ^ block]
            if cost + rest.cost <= budget + _ROUNDING
        ]
        fronts.append(_front(found))
    if not fronts[-1]:
        raise GroupingError(
            f"A budget of {budget:g} networks pays for no set of groups with all of {', '.join(names)}: "
            "raise --budget, or give results of larger groups."
        )
    return _cover(fronts[-1][-1], names)


class _Step(NamedTuple):
    """Hold one choice on the way to a cover, and the choices before it; `size` counts tasks of groups."""

    cost: float
    value: float
    size: int
    candidate: Candidate | None
    rest: _Step | None  # type: ignore[misc]


def _blocks(
    candidates: Iterable[Candidate], index: Mapping[str, int], budget: float
) -> dict[int, list[_Step]]:
    """Return g: subset of the tasks, as bits -> the groups that serve it best, by cost."""
    found: dict[int, list[_Step]] = {}
    for candidate in sorted(candidates, key=lambda one: (len(one.scores), one.tasks)):
        if candidate.cost > budget + _ROUNDING:
            continue
        scores = {1 << index[task]: candidate.scores[task] for task in candidate.tasks}
        sums = {0: 0.0}
        for block in sorted(_subsets(sum(scores))):
            highest = 1 << (block.bit_length() - 1)
            sums[block] = sums[block ^ highest] + scores[highest]
            step = _Step(candidate.cost, sums[block], len(scores), candidate, None)
            found.setdefault(block, []).append(step)
    return {block: _front(steps) for block, steps in found.items()}


def _front(steps: list[_Step]) -> list[_Step]:
    """Return the steps to which no other is preferable in cost and value, both rising."""
    kept: list[_Step] = []
    for step in sorted(steps, key=lambda one: (round(one.cost, 9), -round(one.value, 12), one.size)):
        if not kept or round(step.value, 12) > round(kept[-1].value, 12):
            kept.append(step)
    return kept


def _subsets(mask: int) -> Iterator[int]:
    """Yield the non-empty subsets of the bits of `mask`, from the whole down."""
    block = mask
    while block:
        yield block
        block = (block - 1) & mask


def _cover(last: _Step, names: Sequence[str]) -> Cover:
    chosen: list[Candidate] = []
    step: _Step | None = last
    while step is not None and step.candidate is not None:
        chosen.append(step.candidate)
        step = step.rest
    chosen.sort(key=lambda one: (-len(one.scores), one.tasks))
    best = {task: max(group.scores[task] for group in chosen if task in group.scores) for task in names}
    serves: list[tuple[str, ...]] = []
    left = set(names)
    for group in chosen:
        served = tuple(task for task in group.tasks if task in left and group.scores[task] == best[task])
        serves.append(served)
        left -= set(served)
    return Cover(tuple(chosen), tuple(serves))

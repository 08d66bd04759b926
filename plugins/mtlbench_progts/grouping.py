"""Group tasks, stage by stage ever finer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise, product

from mtlbench.errors import MtlbenchError, did_you_mean

#: groups of task indices, each sorted, in the order of their first member
Partition = tuple[tuple[int, ...], ...]

STAGES = 4


def partitions(tasks: Sequence[str], groups: Sequence[str | Sequence[Sequence[str]]]) -> list[Partition]:
    """Read the option `groups` of `progts`: one partition of the tasks per stage, each refining the last.

    Raises:
        MtlbenchError: there are not four, one is no partition of the tasks, or one joins what had parted.
    """
    if isinstance(groups, str) or len(groups) != STAGES:
        raise MtlbenchError(
            f"progts wants a grouping for each of {STAGES} stages: write groups as "
            f'("shared", "shared", [["a", "b"], ["c"]], "alone"), with your tasks\' names.'
        )
    read = [_partition(tasks, grouping, stage) for stage, grouping in enumerate(groups)]
    for stage, (coarse, fine) in enumerate(pairwise(read), start=1):
        for group in fine:
            if not any(set(group) <= set(other) for other in coarse):
                names = ", ".join(tasks[task] for task in group)
                raise MtlbenchError(
                    f"groups of stage {stage} join {names}, which stage {stage - 1} parts: "
                    "tasks that parted stay apart, so make the later groups finer."
                )
    return read


def members(partition: Partition, tasks: int) -> list[int]:
    """Return, task by task, the index of its group."""
    return [next(g for g, group in enumerate(partition) if task in group) for task in range(tasks)]


def parents(coarse: Partition, fine: Partition) -> list[int]:
    """Return, for every group of `fine`, the index of the group of `coarse` that it is part of."""
    return [next(g for g, group in enumerate(coarse) if part[0] in group) for part in fine]


def group_tasks(affinity: Sequence[Sequence[float]], counts: Sequence[int]) -> list[Partition]:
    """Join the groups with the largest mean affinity, over and over, from single tasks to one group.

    This is agglomerative clustering with average linkage, so groupings of different sizes are nested. Of
    equal affinities the pair that comes first is joined.

    Args:
        affinity: T x T and symmetric; its diagonal is not read.
        counts: how many groups each stage shall have, at most T.

    Returns:
        one partition per count.
    """
    groups: list[tuple[int, ...]] = [(task,) for task in range(len(affinity))]
    by_count = {len(groups): tuple(groups)}
    while len(groups) > 1:
        first, second = max(combinations(groups, 2), key=lambda pair: _mean_affinity(affinity, *pair))
        joined = tuple(sorted(first + second))
        groups = sorted([group for group in groups if group not in (first, second)] + [joined])
        by_count[len(groups)] = tuple(groups)
    return [by_count[count] for count in counts]


def _mean_affinity(
    affinity: Sequence[Sequence[float]], first: tuple[int, ...], second: tuple[int, ...]
) -> float:
    return sum(affinity[a][b] for a, b in product(first, second)) / (len(first) * len(second))


def _partition(tasks: Sequence[str], grouping: str | Sequence[Sequence[str]], stage: int) -> Partition:
    if grouping == "shared":
        return (tuple(range(len(tasks))),)
    if grouping == "alone":
        return tuple((task,) for task in range(len(tasks)))
    if isinstance(grouping, str):
        hint = did_you_mean(grouping, ("shared", "alone"))
        raise MtlbenchError(
            f"groups of stage {stage} are {grouping!r}: write 'shared', 'alone' or lists of task names.{hint}"
        )
    names = [name for group in grouping for name in group]
    if sorted(names) != sorted(tasks) or not all(grouping):
        raise MtlbenchError(
            f"groups of stage {stage} hold {', '.join(names) or 'nothing'}: they must hold each of "
            f"{', '.join(tasks)} once, and no group may be empty."
        )
    place = {name: index for index, name in enumerate(tasks)}
    return tuple(sorted(tuple(sorted(place[name] for name in group)) for group in grouping))

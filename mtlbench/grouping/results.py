"""Learn from finished runs of one method on several sets of tasks which tasks should train together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from mtlbench.engine.conflicts import ALL
from mtlbench.grouping.affinity import Affinity
from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.ordinal import ordinal_affinity
from mtlbench.grouping.search import Candidate
from mtlbench.metrics.delta_m import contributions
from mtlbench.results.schema import Record
from mtlbench.results.store import RECORDS, load_record

#: the runs of every set of tasks that was trained
Runs = Mapping[frozenset[str], Sequence[Record]]


def find_records(paths: Iterable[Path]) -> list[Record]:
    """Return the record in each file, and every record below each folder, each run once.

    Raises:
        GroupingError: there is none at a path.
        BadRecord: a file is not a record.
    """
    records: dict[str, Record] = {}
    for path in paths:
        files = sorted(path.rglob(RECORDS)) if path.is_dir() else [path]
        if not files or not path.exists():
            raise GroupingError(
                f"{path} holds no record: pass a config, folders of finished runs, files of records, or the "
                "file of an affinity matrix."
            )
        records |= {record.run_id: record for record in map(load_record, files)}
    return [*records.values()]


def by_tasks(records: Sequence[Record]) -> Runs:
    """Sort records by the set of tasks that they trained.

    Raises:
        GroupingError: they are not runs of one config on different tasks.
    """
    runs: dict[frozenset[str], list[Record]] = defaultdict(list)
    first, first_config = records[0], _method(records[0])
    for record in records:
        config = _method(record)
        keys = config.keys() | first_config.keys()
        differing = sorted(key for key in keys if config.get(key) != first_config.get(key))
        if differing:
            raise GroupingError(
                f"{first.run_id} and {record.run_id} differ in more than their tasks ({differing[0]}), so "
                "what they score is not owed to the tasks alone: pass runs of one config."
            )
        runs[frozenset(record.primary)].append(record)
    return runs


def from_changes(runs: Runs) -> tuple[Affinity, list[Candidate]]:
    """Return how pairs change each other's metric, and the score of every set that was trained.

    A task's score in a set is its signed change against its single-task runs in percent, as in Δm, over the
    means of all seeds; so the score of a cover is its Δm. Z_{i→j} is the change of j in the pair {i, j}.

    Raises:
        GroupingError: a task has no single-task run.
    """
    tasks = sorted(frozenset().union(*runs))
    singles = _singles(runs, tasks)
    references = {task: _mean(runs[frozenset([task])], task) for task in tasks}
    directions = {task: singles[task].primary[task].higher_is_better for task in tasks}
    scores = {
        group: contributions({task: _mean(found, task) for task in sorted(group)}, references, directions)
        for group, found in runs.items()
    }
    pairs = {
        (giver, receiver): score[receiver]
        for group, score in scores.items()
        if len(group) == 2
        for giver, receiver in permutations(group)
    }
    measured = [Candidate(score) for group, score in scores.items() if len(group) > 1]
    return Affinity.of("results", tasks, pairs, dict.fromkeys(tasks, 0.0)), measured


def from_wins(runs: Runs) -> Affinity:
    """Return Z_{i→j}, partner i's share of task j when all of j's partners, and none, compete for it.

    They compete on the bootstrap replicates of the records, seed by seed: `ordinal.ordinal_affinity`. What j
    scores alone is its own share, which is also the diagonal.

    Raises:
        GroupingError: a task has no single-task run or no pair, or runs lack replicates or seeds in common.
    """
    tasks = sorted(frozenset().union(*runs))
    _singles(runs, tasks)
    shares: dict[tuple[str, str], float] = {}
    for target in tasks:
        sources = {
            source: runs[frozenset([source, target])]
            for source in tasks
            if frozenset([source, target]) in runs
        }
        if len(sources) == 1:
            raise GroupingError(
                f"No run trains {target} with one other task, so its partners cannot be compared: run it in "
                "pairs, see docs/grouping.md."
            )
        found = ordinal_affinity(_replicates(sources, target))
        shares |= {(source, target): share for source, share in found.items()}
    return Affinity.of("transfer", tasks, shares, {task: shares[task, task] for task in tasks})


def from_conflicts(records: Sequence[Record]) -> Affinity:
    """Return the mean cosine of tasks' gradients over whole runs, from the field `conflicts`.

    Raises:
        GroupingError: no record has the field.
    """
    cosines: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in records:
        for pair, cosine in (record.conflicts or {}).get(ALL, {}).items():
            a, _, b = pair.partition("|")
            cosines[a, b].append(cosine)
            cosines[b, a].append(cosine)
    if not cosines:
        raise GroupingError(
            "None of these records holds cosines of gradients, which only balancers that combine gradients "
            "note: measure them from the config, with --method gradient."
        )
    means = {pair: math.fsum(found) / len(found) for pair, found in cosines.items()}
    return Affinity.of("gradient", {task for task, _ in means}, means)


def _method(record: Record) -> dict[str, Any]:
    """Return all of a config that may not differ between the runs that are compared."""
    kept = {key: value for key, value in record.config.items() if key not in ("tasks", "single_task")}
    return kept | {"protocol": record.protocol_hash}


def _singles(runs: Runs, tasks: Sequence[str]) -> dict[str, Record]:
    missing = [task for task in tasks if frozenset([task]) not in runs]
    if missing:
        raise GroupingError(
            f"There is no run of {missing[0]} alone, which others are compared with: run the config with "
            "--cfg-options single_task=true and pass its records, too."
        )
    return {task: runs[frozenset([task])][0] for task in tasks}


def _mean(records: Sequence[Record], task: str) -> float:
    return math.fsum(record.primary[task].value for record in records) / len(records)


def _replicates(sources: Mapping[str, Sequence[Record]], target: str) -> dict[str, list[float]]:
    """Return source -> the target's metric on every replicate of the seeds that all sources have."""
    by_seed = {
        source: {record.seed: (record.replicates or {}).get(target) for record in found}
        for source, found in sources.items()
    }
    seeds = sorted(set.intersection(*({*found} for found in by_seed.values())))
    if not seeds or any(found[seed] is None for found in by_seed.values() for seed in seeds):
        raise GroupingError(
            f"The runs of {target} alone and with a partner lack "
            f"{'bootstrap replicates' if seeds else 'a seed in common'}, on which they would be compared: "
            "run them anew, or use --method results."
        )
    record = next(iter(sources.values()))[0]
    sign = 1 if record.primary[target].higher_is_better else -1
    return {
        source: [sign * value for seed in seeds for value in found[seed] or ()]
        for source, found in by_seed.items()
    }

"""Lay out a standing as markdown tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from mtlbench.boards.aggregate import Method, Spread, Standing
from mtlbench.boards.costs import Read, mean_cost
from mtlbench.boards.markdown import code, escape, table
from mtlbench.boards.ranks import RankMap
from mtlbench.results.schema import Parameters

NONE = "–"
GROUPS = tuple(Parameters.model_fields)


def ranking_table(standing: Standing) -> str:
    """Return rank, method, Δm, every task's primary metric, trainable parameters and seeds."""
    tasks = standing.board.tasks
    methods = (*standing.ranked, *standing.unranked)
    digits = {
        task.name: _decimals(row[task.name].mean for row in _all_metrics(standing) if task.name in row)
        for task in tasks
    }
    titles = [escape(task.title) for task in tasks]
    headers = ["rank", "method", "Δm ↑ (%)", *titles, "trainable (M)", "seeds"]
    rows = [_reference_row(standing, digits)] if standing.references else []
    for method in methods:
        metrics = [spread(method.metrics[task.name], digits[task.name]) for task in tasks]
        delta = spread(method.delta, 2, signed=True) if method.delta else NONE
        trainable = millions(mean_cost(method.records, lambda run: run.parameters.trainable))
        rows.append([rank(method), escape(method.name), delta, *metrics, trainable, badge(method)])
    return table(headers, rows, left=2)


def cost_table(standing: Standing) -> str:
    """Return parameters by group and what was measured."""
    headers = ["method", *GROUPS, "MACs (G)", "passes", "step (ms)", "memory (MiB)", "training (s)"]
    rows = [["**single task**", *_costs([*standing.references.values()])]] if standing.references else []
    rows += [[escape(method.name), *_costs([method])] for method in (*standing.ranked, *standing.unranked)]
    return table(headers, rows)


def provenance_table(standing: Standing) -> str:
    """Return which commits, versions and devices made each method's records, and when."""
    headers = ["method", "commit", "mtlbench", "plugins", "python", "torch", "device", "threads", "runs"]
    rows = []
    for method in standing.methods:
        made = [run.provenance for run in method.records]
        days = sorted(run.created[:10] for run in method.records)
        rows.append(
            [
                escape(method.name),
                _distinct(origin.commit[:10] if origin.commit else "release" for origin in made),
                _distinct(origin.mtlbench for origin in made),
                _distinct(f"{name} {version}" for origin in made for name, version in origin.plugins.items()),
                _distinct(origin.python for origin in made),
                _distinct(origin.libraries.get("torch", NONE) for origin in made),
                _distinct(f"{origin.device}, {origin.platform}" for origin in made),
                _distinct(str(origin.threads) for origin in made),
                days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}",
            ]
        )
    return table(headers, rows, left=len(headers))


def rank_table(maps: Sequence[RankMap]) -> str:
    """Return the mean rank of each method, and how far ranks lie apart, as they are and by chance alone."""
    rows = []
    for found in maps:
        mean, places = found.overall
        deviations = (_number(value, 2) for value in (mean, places, found.by_chance))
        rows.append([escape(found.name), *deviations])
    return table(["method", "mean rank", "± over places", "± by chance"], rows)


def spread(value: Spread, decimals: int, signed: bool = False) -> str:
    """Return ``mean ± std``, or the mean alone where there is one seed."""
    mean = f"{value.mean:{'+' if signed else ''}.{decimals}f}"
    return mean if value.std is None else f"{mean} ± {value.std:.{decimals}f}"


def rank(method: Method) -> str:
    """Return the place of a method, with ``=`` where it is shared."""
    return NONE if method.rank is None else f"{'=' if method.tied else ''}{method.rank}"


def badge(method: Method) -> str:
    """Return the number of seeds, with how many of their runs were made again, and how many in vain."""
    marks = [
        f"{count} {mark}" for count, mark in ((method.verified, "✓"), (method.contradicted, "✗")) if count
    ]
    return f"{len(method.records)}" + (f" ({', '.join(marks)})" if marks else "")


def millions(count: float | None) -> str:
    """Return a number of parameters in millions."""
    return _number(None if count is None else count / 1e6, 3)


def _all_metrics(standing: Standing) -> Iterable[Mapping[str, Spread]]:
    return [method.metrics for method in standing.methods]


def _reference_row(standing: Standing, digits: dict[str, int]) -> list[str]:
    references = standing.references
    metrics = [
        spread(references[task].metrics[task], digits[task]) if task in references else NONE
        for task in standing.board.references
    ]
    models = [*references.values()]
    trainable = sum(statistics.fmean(run.parameters.trainable for run in model.records) for model in models)
    seeds = ", ".join(sorted({str(len(model.records)) for model in models}))
    return [NONE, "**single task**", "0 (reference)", *metrics, millions(trainable), seeds]


def _costs(methods: Sequence[Method]) -> list[str]:
    def cell(read: Read, decimals: int, scale: float = 1, join: Callable = sum) -> str:
        means = [mean_cost(method.records, read) for method in methods]
        known = [mean for mean in means if mean is not None]
        return _number(join(known) / scale if len(known) == len(means) else None, decimals)

    return [
        *(cell(attrgetter(f"parameters.{group}"), 0) for group in GROUPS),
        cell(lambda run: run.cost.macs, 3, 1e9),
        cell(lambda run: run.cost.forward_passes, 1),
        cell(lambda run: run.cost.step_time_ms, 1),
        cell(lambda run: run.cost.peak_memory_mb, 0, join=max),
        cell(lambda run: run.cost.train_seconds, 0),
    ]


def _number(value: float | None, decimals: int) -> str:
    return NONE if value is None else f"{value:,.{decimals}f}"


def _decimals(values: Iterable[float]) -> int:
    largest = max((abs(value) for value in values), default=0)
    return 2 if largest >= 10 else 3 if largest >= 1 else 4


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(code(value) for value in sorted({*values}))

"""Show a fresh record in the terminal, beside the single-task references of its board."""

from __future__ import annotations

from collections.abc import Mapping

from tabulate import tabulate

from mtlbench.metrics.delta_m import contributions
from mtlbench.results.schema import Primary, Record

NONE = "-"
GROUPS = ("adapter", "backbone", "decoder", "balancer", "learner", "trainable", "dead", "peak", "final")


def summary_table(record: Record, references: Mapping[str, tuple[float, int]]) -> str:
    """Return each task's primary metric beside its reference, then Δm, parameters by group, and cost.

    Args:
        record: the run.
        references: (mean, number of seeds) of each task's single-task reference; Δm needs that of every task.

    Raises:
        BadReference: a reference is not positive.
    """
    changes = contributions(
        {task: primary.value for task, primary in record.primary.items() if task in references},
        {task: mean for task, (mean, _) in references.items()},
        {task: primary.higher_is_better for task, primary in record.primary.items()},
    )
    rows = [_task_row(task, primary, references, changes) for task, primary in record.primary.items()]
    complete = len(changes) == len(record.primary)
    delta = f"{sum(changes.values()) / len(changes):+.2f}" if complete else NONE
    rows.append(["Δm", "", "", "", delta])
    headers = ["task", "metric", record.name, "single task", "change (%)"]
    align = ["left", "left", "right", "right", "right"]
    results = tabulate(rows, headers, tablefmt="simple", colalign=align, disable_numparse=True)
    costs = tabulate([*_parameter_rows(record), *_cost_rows(record)], tablefmt="plain", disable_numparse=True)
    return f"{results}\n\n{costs}"


def _task_row(
    task: str, primary: Primary, references: Mapping[str, tuple[float, int]], changes: Mapping[str, float]
) -> list[str]:
    arrow = "↑" if primary.higher_is_better else "↓"
    unit = f" ({primary.unit})" if primary.unit else ""
    reference = NONE
    if task in references:
        mean, seeds = references[task]
        reference = f"{mean:.4g} ({seeds} seed{'s' if seeds > 1 else ''})"
    change = f"{changes[task]:+.2f}" if task in changes else NONE
    return [task, f"{primary.metric} {arrow}{unit}", f"{primary.value:.4g}", reference, change]


def _parameter_rows(record: Record) -> list[tuple[str, str]]:
    counts = record.parameters
    return [(f"parameters, {group}", f"{getattr(counts, group):,}") for group in GROUPS]


def _cost_rows(record: Record) -> list[tuple[str, str]]:
    cost = record.cost
    shown = [
        ("MACs per image", cost.macs, lambda value: f"{value / 1e9:.3f} G"),
        ("backbone passes per image", cost.forward_passes, lambda value: f"{value:g}"),
        ("step time, median", cost.step_time_ms, lambda value: f"{value:.1f} ms"),
        ("peak memory", cost.peak_memory_mb, lambda value: f"{value:.0f} MiB"),
        ("training", cost.train_seconds, lambda value: f"{value:.0f} s"),
    ]
    return [(title, NONE if value is None else show(value)) for title, value, show in shown]

"""Δm: how much better than single-task models a multi-task model is, in percent."""

from __future__ import annotations

from collections.abc import Mapping

from mtlbench.metrics.errors import BadReference

#: below it a quotient of two numbers of records may leave the range of floats
SMALLEST = 1e-30


def contributions(
    metrics: Mapping[str, float], references: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> dict[str, float]:
    """Return, per task, the signed relative change 100 · (−1)^l_t · (M_t − S_t) / S_t in percent.

    M_t is the metric, S_t the single-task reference and l_t = 1 where lower is better, so positive always
    means better than the single-task model.

    Raises:
        BadReference: a task has no reference, no direction, or a reference that is not positive or next to
            nothing.
    """
    changes = {}
    for task, metric in metrics.items():
        for table, what in ((references, "single-task reference"), (higher_is_better, "direction")):
            if task not in table:
                raise BadReference(
                    f'Δm needs a {what} for task "{task}", but there are only {sorted(table)}; '
                    "run its single-task experiment under the same protocol, or leave the task out."
                )
        reference = references[task]
        if not reference > SMALLEST:
            raise BadReference(
                f'Δm divides by the single-task reference of task "{task}", which is {reference}; '
                f"check that run, a reference must be positive, and more than {SMALLEST:g}."
            )
        sign = 1 if higher_is_better[task] else -1
        changes[task] = sign * 100 * (metric - reference) / reference
    return changes


def delta_m(
    metrics: Mapping[str, float], references: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> float:
    """Return Δm = 100/T · Σ_t (−1)^l_t (M_t − S_t) / S_t over the T tasks of `metrics`, in percent.

    References of further tasks are not used. See Maninis et al., CVPR 2019 (there with the other sign, as
    average drop), and Vandenhende et al., TPAMI 2021.

    Raises:
        BadReference: as `contributions`, or `metrics` is empty.
    """
    if not metrics:
        raise BadReference("Δm needs the metric of at least one task; pass {task: metric}.")
    changes = contributions(metrics, references, higher_is_better)
    return sum(changes.values()) / len(changes)

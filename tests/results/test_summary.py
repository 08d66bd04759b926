from __future__ import annotations

import pytest

from mtlbench.metrics.errors import BadReference
from mtlbench.results.summary import summary_table


def row(text: str, start: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(start))


def test_every_task_stands_beside_its_reference(make_record):
    text = summary_table(
        make_record(values={"semseg": 55.0, "depth": 0.6}), {"semseg": (50, 3), "depth": (0.5, 1)}
    )
    # (55 - 50) / 50 = +10 %; (0.6 - 0.5) / 0.5 = 20 % worse; mean -5 %
    assert row(text, "semseg") == ["semseg", "mIoU", "↑", "(%)", "55", "50", "(3", "seeds)", "+10.00"]
    assert row(text, "depth") == ["depth", "rmse", "↓", "(m)", "0.6", "0.5", "(1", "seed)", "-20.00"]
    assert row(text, "Δm") == ["Δm", "-5.00"]


def test_no_delta_without_all_references(make_record):
    text = summary_table(make_record(values={"semseg": 55.0, "depth": 0.6}), {"semseg": (50, 3)})
    assert row(text, "semseg")[-1] == "+10.00"
    assert row(text, "depth")[-2:] == ["-", "-"]
    assert row(text, "Δm") == ["Δm", "-"]
    assert row(summary_table(make_record(), {}), "Δm") == ["Δm", "-"]


def test_parameters_and_costs_are_shown(make_record):
    text = summary_table(make_record(), {})
    assert row(text, "parameters, trainable")[-1] == "9,202"
    assert row(text, "parameters, final")[-1] == "8,702"
    assert row(text, "step time")[-2:] == ["31.5", "ms"]
    assert row(text, "training")[-2:] == ["40", "s"]


def test_a_reference_of_zero_is_an_error(make_record):
    with pytest.raises(BadReference, match="must be positive"):
        summary_table(make_record(), {"semseg": (0.0, 3)})

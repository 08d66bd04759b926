"""Read the numbers that papers printed, which a board shows apart and never ranks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from mtlbench.boards.toml import read_toml
from mtlbench.metrics.delta_m import delta_m
from mtlbench.metrics.errors import BadReference
from mtlbench.results.fields import Label, Lines, Number, One, Quantity, Slug, Strict, Text, Unit

FILE = "papers.toml"
Url = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~-]+)*/?$")
]
Note = Annotated[Lines, Field(max_length=1000)]


class Source(Strict):
    """Name where numbers were printed."""

    title: Text
    where: Text = Field(description="venue and year")
    url: Url


class PaperMetric(Strict):
    """Name one column of a printed table; `digits` are the decimals it was printed with."""

    task: Slug
    metric: Label
    unit: Unit
    higher_is_better: bool
    digits: Annotated[int, Field(ge=0, le=6)]

    @property
    def title(self) -> str:
        """Return the column's title, such as ``semseg mIoU ↑ (%)``."""
        arrow = "↑" if self.higher_is_better else "↓"
        return f"{self.task} {self.metric} {arrow}" + (f" ({self.unit})" if self.unit else "")


class PaperRow(Strict):
    """Hold one printed row.

    `delta` is the Δm that was printed with it, `reference` the row of the same table that Δm is against,
    `parameters` the printed millions, and `counts` what they count.
    """

    method: Text
    source: Slug
    values: Annotated[dict[Slug, Number], Field(min_length=1, max_length=30)]
    backbone: Text | None = None
    delta: Number | None = None
    reference: Text | None = None
    parameters: Quantity | None = None
    counts: Text | None = None
    note: Note | None = None


class PaperTable(Strict):
    """Hold rows that may be compared with each other, if anything may."""

    title: Text
    note: Note | None = None
    metrics: Annotated[list[PaperMetric], Field(min_length=1, max_length=30)]
    rows: Annotated[list[PaperRow], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _consistent(self) -> PaperTable:
        names, tasks = {row.method: row for row in self.rows}, {metric.task for metric in self.metrics}
        if len(names) < len(self.rows) or len(tasks) < len(self.metrics):
            raise ValueError("methods, and tasks, must be distinct")
        for row in self.rows:
            if not row.values.keys() <= tasks:
                raise ValueError(f"{row.method} has a task that is no column")
            if row.reference is not None and (
                row.reference not in names or names[row.reference].values.keys() != row.values.keys()
            ):
                raise ValueError(f"the reference of {row.method} is no row with the same tasks")
            try:
                self.recomputed(row)
            except BadReference as error:
                raise ValueError(str(error)) from None
        return self

    def recomputed(self, row: PaperRow) -> tuple[float, float] | None:
        """Return Δm of a row against its reference, and how far rounding alone may take the printed one off.

        Values were printed with a few digits: each, and the reference's, may be off by half a unit of the
        last, and so may the printed Δm, which has two.
        """
        if row.reference is None:
            return None
        reference = next(other.values for other in self.rows if other.method == row.reference)
        metrics = {metric.task: metric for metric in self.metrics if metric.task in row.values}
        delta = delta_m(row.values, reference, {task: m.higher_is_better for task, m in metrics.items()})
        slack = 0.0
        for task, metric in metrics.items():
            half = 0.5 * 10.0**-metric.digits
            slack += half / abs(reference[task]) * (1 + abs(row.values[task] / reference[task]))
        return delta, 100 / len(metrics) * slack + 0.005

    def disagrees(self, row: PaperRow) -> bool:
        """Say whether the printed Δm is not that of the printed values, rounding aside."""
        found = self.recomputed(row)
        return row.delta is not None and found is not None and abs(found[0] - row.delta) > found[1]


class Papers(Strict):
    """Hold what ``papers.toml`` may say."""

    schema_version: One
    sources: Annotated[dict[Slug, Source], Field(min_length=1, max_length=200)]
    tables: Annotated[list[PaperTable], Field(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _sourced(self) -> Papers:
        used = {row.source for table in self.tables for row in table.rows}
        if used != self.sources.keys():
            odd = sorted(used ^ self.sources.keys())[0]
            raise ValueError(f'"{odd}" is a source without a row, or of a row without a source')
        return self


def load_papers(folder: Path) -> Papers | None:
    """Read ``<folder>/papers.toml``, if there is one.

    Raises:
        BadBoard: the file is a link, not TOML, or breaks the schema.
    """
    path = Path(folder) / FILE
    return read_toml(path, Papers) if os.path.lexists(path) else None

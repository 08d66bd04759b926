"""Define the verification: what somebody found who made the run of a record again, version 1."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from pydantic import Field, model_validator

from mtlbench.results.fields import Number, One, Quantity, RunId, Sha256, Slug, Strict, UtcTime
from mtlbench.results.schema import Provenance, Record


class Verification(Strict):
    """Hold the primary metrics of a run that was made again, beside the published ones.

    `record` is the hash of the published file, so that a verification says nothing about another one.
    """

    schema_version: One = 1
    run_id: RunId
    record: Sha256
    created: UtcTime
    published: dict[Slug, Number] = Field(min_length=1, max_length=30)
    reproduced: dict[Slug, Number]
    differences: dict[Slug, Quantity]
    tolerances: dict[Slug, Quantity]
    provenance: Provenance

    @model_validator(mode="after")
    def _derived(self) -> Verification:
        keys = self.published.keys()
        if not keys == self.reproduced.keys() == self.differences.keys() == self.tolerances.keys():
            raise ValueError("all parts must name the same tasks")
        for task, difference in self.differences.items():
            if difference != abs(self.reproduced[task] - self.published[task]):
                raise ValueError(f"the difference of {task} is not that of its two values")
        return self

    def within(self, tolerances: Mapping[str, float] | None = None) -> bool:
        """Say whether no difference exceeds its tolerance: those given, such as a board's, or its own."""
        allowed = self.tolerances if tolerances is None else tolerances
        return all(value <= allowed.get(task, 0.0) for task, value in self.differences.items())

    @property
    def equal(self) -> bool:
        """Say whether all numbers came out the same, bit for bit."""
        return not any(self.differences.values())


def verify(published: Record, content: bytes, again: Record, tolerances: Mapping[str, float]) -> Verification:
    """Hold a run that was made again against the published one.

    Args:
        published: the record.
        content: its file's bytes.
        again: the record of the same config and seed, made just now.
        tolerances: task -> what its primary metric may differ by, in the metric's unit.
    """
    values = {task: primary.value for task, primary in published.primary.items()}
    found = {task: primary.value for task, primary in again.primary.items()}
    return Verification(
        run_id=published.run_id,
        record=hashlib.sha256(content).hexdigest(),
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        published=values,
        reproduced=found,
        differences={task: abs(found[task] - values[task]) for task in values},
        tolerances={task: float(tolerances[task]) for task in values},
        provenance=again.provenance,
    )


def same_file(verification: Verification, record: Path) -> bool:
    """Say whether a verification is of the file at `record`, as it is now."""
    return verification.record == hashlib.sha256(record.read_bytes()).hexdigest()

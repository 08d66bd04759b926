"""Errors of records: which file is refused, and why."""

from __future__ import annotations

from pathlib import Path

from mtlbench.errors import MtlbenchError


class BadRecord(MtlbenchError):
    """Say which file is not a record and why; `path` and `reason` hold the two apart."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a valid record: {reason}. Never edit records: run the config again.")
        self.path = path
        self.reason = reason

"""Errors of records: which file is refused, and why."""

from __future__ import annotations

from pathlib import Path

from mtlbench.errors import MtlbenchError, printable


class BadRecord(MtlbenchError):
    """Say which file is not a record and why; `path` and `reason` hold the two apart."""

    def __init__(self, path: Path, reason: str) -> None:
        name = printable(str(path))
        super().__init__(f"{name} is not a valid record: {reason}. Never edit records: run the config again.")
        self.path = path
        self.reason = reason


class Unwritable(MtlbenchError):
    """Say which file cannot be written, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))} cannot be written: {reason}. Clear the way, and try again.")

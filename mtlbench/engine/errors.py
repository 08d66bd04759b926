"""Errors of runs: why one cannot start, go on, be recorded or exported."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class RunError(MtlbenchError):
    """Say why a run cannot start or go on, and what to do."""


class ExportError(MtlbenchError):
    """Say why the model of a run cannot be exported, and what to do."""


class ForeignRecord(MtlbenchError):
    """Say why what is installed here cannot make the run of a record again, and what to do."""

"""Errors of runs: why one cannot start, go on or be recorded."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class RunError(MtlbenchError):
    """Say why a run cannot start or go on, and what to do."""

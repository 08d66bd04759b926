"""Errors of task grouping: why tasks cannot be compared or grouped."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class GroupingError(MtlbenchError):
    """Say why tasks cannot be compared or grouped, and what to do."""

"""Errors of metrics: what cannot be scored, and what to do next."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class BadLabel(MtlbenchError):
    """Say which label value a meter cannot count."""


class BadReference(MtlbenchError):
    """Say which single-task reference Δm misses or cannot divide by."""

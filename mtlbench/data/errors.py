"""Errors of data: what is missing or broken, and what to do next."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class MissingData(MtlbenchError):
    """Say which path a dataset misses and the ways on."""


class BadSample(MtlbenchError):
    """Say which file of a dataset is broken and how to mend it."""

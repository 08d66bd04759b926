"""Errors of boards: what a board is not, and which records it does not take."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class BadBoard(MtlbenchError):
    """Say which folder is not a board, and why."""


class RefusedRecord(MtlbenchError):
    """Say which record a board does not take, and why."""


class Incomparable(MtlbenchError):
    """Say which runs cannot be compared, and why."""

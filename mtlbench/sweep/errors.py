"""What can go wrong with a grid of runs."""

from mtlbench.errors import MtlbenchError


class SweepError(MtlbenchError):
    """Say why a grid of runs cannot be started, and how it can."""

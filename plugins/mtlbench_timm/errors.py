"""Say why a backbone cannot be built, and what to do."""

from __future__ import annotations

from collections.abc import Collection

from mtlbench.errors import MtlbenchError


class UnknownModel(MtlbenchError):
    """Tell that timm has no such model, or that no driver runs it."""


class BadImageSize(MtlbenchError):
    """Tell that an image does not divide into patches."""


class BadOption(MtlbenchError):
    """Tell that an option of the config does not fit the model."""


class WeightsUnavailable(MtlbenchError):
    """Tell that pretrained weights are neither here nor to be had."""


class BadWeights(MtlbenchError):
    """Tell that a file of weights cannot be read or does not fit the network."""


def some(names: Collection[str], limit: int = 5) -> str:
    """Return the first names of a list, and how many more there are."""
    rest = len(names) - limit
    return ", ".join(sorted(names)[:limit]) + (f" and {rest} more" if rest > 0 else "")

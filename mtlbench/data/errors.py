"""Errors of data: what is missing or broken, and what to do next."""

from __future__ import annotations

from mtlbench.errors import MtlbenchError


class MissingData(MtlbenchError):
    """Say which path a dataset misses and the ways on."""


class BadSample(MtlbenchError):
    """Say which file of a dataset is broken and how to mend it."""


class CacheError(MtlbenchError):
    """Say why decoded samples cannot be cached and where else they could go."""


class DownloadError(MtlbenchError):
    """Say why a file did not arrive and how to get it."""


class UnsafeArchive(MtlbenchError):
    """Say which member of an archive was refused."""


class LicenceNotAccepted(MtlbenchError):
    """Show the terms of a dataset and how to accept them."""


class UnsafePickle(MtlbenchError):
    """Say why a pickle is not converted."""


class BadManifest(MtlbenchError):
    """Say why a list of visible labels cannot be used, and how to get one that can."""

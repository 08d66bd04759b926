"""List the hooks that a plugin may implement: one per kind of component.

A hook that is going to change is marked with ``@hookspec(warn_on_impl=HookDeprecation("..."))``, or one of
its arguments with ``warn_on_impl_args``: pluggy then warns whoever implements it, and `mtlbench plugins` and
`mtlbench doctor` show the text to whoever installed it.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from mtlbench.plugin.records import (
    Adapter,
    Backbone,
    Balancer,
    Dataset,
    Decoder,
    LabelProtocol,
    Learner,
    Task,
)

#: version of hooks and records: what worked under 1.x works under 1.y; 2.0 may drop what 1.x warned of
API_VERSION = "1.0"


class HookDeprecation(DeprecationWarning):
    """Say what a plugin uses that a later version of the hooks will not have, and what to use instead."""


hookspec = pluggy.HookspecMarker("mtlbench")
hookimpl = pluggy.HookimplMarker("mtlbench")


@hookspec
def mtlbench_tasks() -> Iterable[Task]:
    """Return an iterable of :class:`~mtlbench.plugin.Task` records."""
    raise NotImplementedError


@hookspec
def mtlbench_datasets() -> Iterable[Dataset]:
    """Return an iterable of :class:`~mtlbench.plugin.Dataset` records."""
    raise NotImplementedError


@hookspec
def mtlbench_backbones() -> Iterable[Backbone]:
    """Return an iterable of :class:`~mtlbench.plugin.Backbone` records."""
    raise NotImplementedError


@hookspec
def mtlbench_adapters() -> Iterable[Adapter]:
    """Return an iterable of :class:`~mtlbench.plugin.Adapter` records."""
    raise NotImplementedError


@hookspec
def mtlbench_decoders() -> Iterable[Decoder]:
    """Return an iterable of :class:`~mtlbench.plugin.Decoder` records."""
    raise NotImplementedError


@hookspec
def mtlbench_balancers() -> Iterable[Balancer]:
    """Return an iterable of :class:`~mtlbench.plugin.Balancer` records."""
    raise NotImplementedError


@hookspec
def mtlbench_label_protocols() -> Iterable[LabelProtocol]:
    """Return an iterable of :class:`~mtlbench.plugin.LabelProtocol` records."""
    raise NotImplementedError


@hookspec
def mtlbench_learners() -> Iterable[Learner]:
    """Return an iterable of :class:`~mtlbench.plugin.Learner` records."""
    raise NotImplementedError

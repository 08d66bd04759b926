"""List the hooks that a plugin may implement: one per kind of component."""

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

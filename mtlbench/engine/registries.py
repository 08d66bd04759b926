"""Feed the components that a config names to child registries of mmengine's, and build them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.registry import DATASETS, MODELS, Registry

from mtlbench.engine.config import Component, Experiment
from mtlbench.engine.options import check_options
from mtlbench.plugin.catalog import Catalog

SCOPE = "mtlbench"

#: kind -> registry; the kinds that mmengine knows are children of its roots
REGISTRIES: dict[str, Registry] = {
    "task": Registry("task", scope=SCOPE),
    "dataset": Registry("dataset", parent=DATASETS, scope=SCOPE),
    "backbone": Registry("backbone", parent=MODELS, scope=SCOPE),
    "adapter": Registry("adapter", scope=SCOPE),
    "decoder": Registry("decoder", scope=SCOPE),
    "balancer": Registry("balancer", scope=SCOPE),
    "label_protocol": Registry("label_protocol", scope=SCOPE),
    "learner": Registry("learner", scope=SCOPE),
}


def register(experiment: Experiment, catalog: Catalog) -> dict[str, str]:
    """Import and register exactly the components that the experiment names, and check their options.

    Returns:
        kind (for tasks `task.<name>`) -> `distribution:name==version`, for the record.
    """
    named = {f"task.{name}": component for name, component in experiment.tasks.items()}
    for kind in REGISTRIES.keys() - {"task"}:
        found = getattr(experiment, kind)
        several = {kind: found} if isinstance(found, Component) else dict(_numbered(kind, found))
        named |= several
    providers = {}
    for place, component in named.items():
        kind = place.partition(".")[0]
        entry = catalog.entry(kind, component.type)
        target = catalog.resolve(kind, component.type)
        check_options(kind, component, target)
        REGISTRIES[kind].register_module(name=component.type, module=target, force=True)
        providers[place] = f"{entry.distribution}:{entry.record.name}=={entry.version}"
    return providers


def _numbered(kind: str, components: tuple[Component, ...]) -> Iterator[tuple[str, Component]]:
    for index, component in enumerate(components):
        yield f"{kind}.{index}", component


def build(kind: str, component: Component, **context: Any) -> Any:
    """Build a registered component with its options and what its contract passes besides."""
    return REGISTRIES[kind].build({"type": component.type, **component.options, **context})

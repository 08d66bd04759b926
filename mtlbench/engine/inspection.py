"""Build a model only to look at it: no data, no pretrained weights."""

from __future__ import annotations

import inspect

from mtlbench.engine.config import Component, Experiment
from mtlbench.engine.freezing import Group, grouped_parameters
from mtlbench.engine.model import build_model, build_tasks
from mtlbench.engine.parameters import ParameterReport, count, dead_parameters
from mtlbench.engine.registries import REGISTRIES, register
from mtlbench.plugin.catalog import Catalog

#: an image whose size every strided backbone takes; which parameters are dead does not depend on it
_SIZE = (224, 224)


def inspect_parameters(
    experiment: Experiment, catalog: Catalog
) -> tuple[ParameterReport, list[tuple[Group, str, tuple[int, ...]]]]:
    """Return the counts of an experiment's model, and (group, name, shape) of everything that trains."""
    register(experiment, catalog)
    options = {**experiment.backbone.options}
    if "pretrained" in _options(experiment.backbone):
        options["pretrained"] = False
    options.pop("weights", None)
    bare = Component(type=experiment.backbone.type, **options)
    model = build_model(experiment.model_copy(update={"backbone": bare}), build_tasks(experiment))
    height, width = options.get("image_size", _SIZE)
    report = count(model, dead_parameters(model, (height, width)))
    trained = [
        (group, name, tuple(parameter.shape))
        for group, name, parameter in grouped_parameters(model, model.injected)
        if parameter.requires_grad
    ]
    return report, trained


def _options(component: Component) -> set[str]:
    return set(inspect.signature(REGISTRIES["backbone"].get(component.type)).parameters)

"""Draw which labels an experiment sees."""

from __future__ import annotations

from collections.abc import Iterable

from mtlbench.contracts.dataset import Dataset
from mtlbench.contracts.label_protocol import LabelProtocol
from mtlbench.data.manifest import Manifest
from mtlbench.engine.config import Component, Experiment
from mtlbench.engine.options import check_options
from mtlbench.plugin.catalog import Catalog

#: name of the file beside a record
FILE = "labels.json"


def draw_labels(
    component: Component, protocol: LabelProtocol, dataset: Dataset, tasks: Iterable[str], seed: int
) -> Manifest:
    """Return what `protocol`, built from `component`, shows of the training split in a run with `seed`."""
    names = tuple(tasks)
    visible = protocol.visible(dataset.ids, names, seed)
    # without the place of a file, as in the config's canonical form
    options = {key: value for key, value in component.options.items() if key != "file"}
    return Manifest.of(visible, names, {"type": component.type, **options}, protocol.drawn_from(seed))


def labels_of(experiment: Experiment, dataset: Dataset, catalog: Catalog, seed: int) -> Manifest:
    """Return what a run of `experiment` with `seed` sees; imports no torch.

    Raises:
        ConfigError: an option of the protocol is misspelt.
    """
    component = experiment.label_protocol
    target = catalog.resolve("label_protocol", component.type)
    check_options("label_protocol", component, target)
    return draw_labels(component, target(**component.options), dataset, experiment.tasks, seed)

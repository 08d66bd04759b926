"""Make the run of a record again."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mtlbench.engine.datasets import open_datasets
from mtlbench.engine.embedded import experiment_of, require_same_providers
from mtlbench.engine.errors import ForeignRecord
from mtlbench.engine.experiment import RunOptions, run
from mtlbench.engine.registries import register
from mtlbench.plugin.catalog import Catalog
from mtlbench.results.schema import Record


def reproduce(
    record: Record,
    catalog: Catalog,
    work_dir: Path,
    device: str,
    console: Console,
    weights: Path | None = None,
    data_root: Path | None = None,
) -> Record:
    """Train from the config inside `record` with its seed, and return the new record.

    The config is data: it names components that are installed, and nothing of it is executed. What was
    interrupted goes on from its checkpoint in `work_dir`.

    Raises:
        ForeignRecord: what is installed, the data or the pretrained weights are not those of the record.
        MtlbenchError: a component or the data is missing, or the run failed.
    """
    experiment = experiment_of(record, weights, data_root)
    require_same_providers(record, register(experiment, catalog))
    datasets = open_datasets(experiment, catalog)
    for split, dataset in zip(("train", "val"), datasets, strict=True):
        known, found = record.provenance.data.get(split), dataset.fingerprint()
        if known not in (None, found):
            raise ForeignRecord(
                f"The {split} split is not that of the record: its fingerprint is {found}, and the "
                f"record says {known}. Pass the folder of the right data with --data-root."
            )
    again, _ = run(experiment, datasets, catalog, RunOptions(record.seed, work_dir, device), console)
    if again.provenance.weights != record.provenance.weights:
        raise ForeignRecord(
            "The pretrained weights are not those of the record: their fingerprint is "
            f"{again.provenance.weights}, and the record says {record.provenance.weights}. Pass the right "
            "file with --weights."
        )
    return again

"""Read the experiment inside a record: names of components and values, of which nothing is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtlbench import __version__
from mtlbench.engine.config import ConfigError, Experiment, validate
from mtlbench.engine.errors import ForeignRecord
from mtlbench.results.schema import Record


def experiment_of(record: Record, weights: Path | None = None, data_root: Path | None = None) -> Experiment:
    """Return the experiment that a record is of.

    Args:
        record: of a run.
        weights: file of the pretrained weights, where the backbone should not look for them itself.
        data_root: where the dataset lies; records name no places.

    Raises:
        ForeignRecord: its config means something else to this version.
    """
    config: dict[str, Any] = {**record.config, "name": record.name, "board": record.board}
    for part, option, place in (("backbone", "weights", weights), ("dataset", "root", data_root)):
        if place is not None and isinstance(config.get(part), dict):
            config[part] = {**config[part], option: str(place)}
    reason = "its config means something else to this version"
    try:
        experiment = validate(config, record.run_id)
        if experiment.hash == record.config_hash:
            return experiment
    except ConfigError as error:
        reason = str(error)
    raise ForeignRecord(
        f"The record {record.run_id} was written by mtlbench {record.provenance.mtlbench}, and this is "
        f"{__version__}: {reason.rstrip('.')}. Install that version first."
    )


def require_same_providers(record: Record, components: Mapping[str, str]) -> None:
    """Check that components come from the distributions that the record names, in whatever version.

    Args:
        record: of a run.
        components: what `engine.registries.register` returned for its experiment.

    Raises:
        ForeignRecord: another distribution gives a component of that name here.
    """
    for place, found in components.items():
        known = record.components.get(place, found)
        if known.rpartition("==")[0] != found.rpartition("==")[0]:
            raise ForeignRecord(
                f"The record's {place} was {known}, and here {found} goes by that name. Install the former, "
                "and uninstall the latter."
            )

"""Run a config without its dataset: on generated rooms in the dataset's own layout, small and brief."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mtlbench.engine.config import ConfigError, load_experiment
from mtlbench.plugin.catalog import Catalog


def prepare(config: Path, folder: Path) -> dict[str, Any]:
    """Write the rooms that the config's `demo` asks for, once, and return the overrides that make it small.

    `demo` is a mapping of config keys to values, besides `layout` (what to write), `rooms` (training rooms
    and evaluation rooms) and `size` (of the written images).

    Raises:
        ConfigError: the config has no demo, or the rooms find no place.
    """
    demo = dict(load_experiment(config).demo)
    if not demo:
        raise ConfigError(
            f"The config {str(config)!r} has no demo; it needs no data, or declares none. Run it as it is."
        )
    overrides = {key: value for key, value in demo.items() if key not in ("layout", "rooms", "size")}
    if "layout" not in demo:
        return overrides
    root = folder / demo["layout"]
    if not (root / ".complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        rooms: Any = Catalog.load().resolve("dataset", "synthrooms")
        train, val = demo["rooms"]
        try:
            rooms.write_layout(demo["layout"], root, train, val, tuple(demo["size"]))
            (root / ".complete").touch()
        except OSError as error:
            raise ConfigError(
                f"The demo's rooms cannot be written to {root} ({error.strerror}). Choose another folder "
                "with --work-dir."
            ) from error
    return {**overrides, "+dataset.root": str(root)}

"""Install throw-away plugins into the running process."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from mtlbench.plugin import loader


@pytest.fixture
def install(
    write_distribution: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, fresh_modules: None
) -> Callable[..., list[EntryPoint]]:
    """Return a function that installs a distribution and returns its entry points."""
    monkeypatch.delenv(loader.STRICT, raising=False)

    def install(name: str, version: str, plugins: dict[str, str], **modules: str) -> list[EntryPoint]:
        root = write_distribution(name, version, plugins, **modules)
        monkeypatch.syspath_prepend(root)
        return [point for found in distributions(path=[str(root)]) for point in found.entry_points]

    return install

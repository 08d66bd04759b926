"""Install plugins that the tests need: a genuine outsider, and throw-away ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

OUTSIDER = Path(__file__).parent / "outsider"


@pytest.fixture(scope="session")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the outsider's distribution; return the folder to put on PYTHONPATH."""
    target = tmp_path_factory.mktemp("outsider")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(OUTSIDER)], check=True
    )
    return target


@pytest.fixture
def write_distribution(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an installed distribution and returns the folder to put on a path."""

    def write(name: str, version: str, plugins: dict[str, str], **modules: str) -> Path:
        root = tmp_path / f"{name}-{version}"
        info = root / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        points = "\n".join(f"{plugin} = {target}" for plugin, target in plugins.items())
        (info / "entry_points.txt").write_text(f"[mtlbench]\n{points}\n")
        for module, source in modules.items():
            (root / f"{module}.py").write_text(dedent(source))
        return root

    return write


@pytest.fixture
def fresh_modules() -> Iterator[None]:
    """Forget the modules that a test imports."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]

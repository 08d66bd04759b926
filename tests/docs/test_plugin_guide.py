"""Do what docs/plugins/index.md tells a plugin's author to do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs/plugins/index.md"
FILE = re.compile(r"^`(acme-shift/[\w./]+)`[^\n]*:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """Write the files of the guide."""
    folder = tmp_path_factory.mktemp("guide")
    for path, text in FILE.findall(GUIDE.read_text(encoding="utf-8")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder / "acme-shift"


@pytest.fixture(scope="module")
def environment(written) -> dict[str, str]:
    """Install them, and return the variables under which they are found."""
    target = written.parent / "installed"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(written)], check=True
    )
    paths = [str(target), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def run(*arguments: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guide_has_every_file(written):
    files = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    package = {"acme_shift/__init__.py", "acme_shift/adapter.py"}
    assert files == {"pyproject.toml", "tests/test_adapter.py"} | package


def test_the_plugin_is_listed(environment, tmp_path):
    listed = json.loads(
        run("mtlbench", "list", "adapter", "--json", folder=tmp_path, environment=environment)
    )
    assert [row["name"] for row in listed if row["distribution"] == "acme-shift"] == ["acme-shift"]


def test_its_tests_pass(written, environment):
    out = run("pytest", "-q", "-p", "no:cacheprovider", "tests", folder=written, environment=environment)
    assert re.search(r"[1-9]\d passed", out), out
    assert "skipped" not in out

from __future__ import annotations

import getpass
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from mtlbench.results import provenance
from mtlbench.results.provenance import checkout, collect

ARGUMENTS = {"plugins": {}, "device": "cpu", "threads": 1, "data": {}, "weights": None}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    package = tmp_path / "mtlbench"
    package.mkdir()
    (package / "__init__.py").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return package


def test_the_commit_of_a_clean_checkout(repository):
    assert checkout(repository) == (git(repository, "rev-parse", "HEAD"), False)


def test_changed_code_is_dirty_and_a_new_record_is_not(repository):
    results = repository.parent / "leaderboards"
    results.mkdir()
    (results / "record.json").touch()
    assert not checkout(repository)[1]
    (repository / "__init__.py").write_text("x = 1")
    assert checkout(repository)[1]


def test_a_new_plugin_is_dirty(repository):
    (repository.parent / "plugins").mkdir()
    (repository.parent / "plugins" / "new.py").touch()
    assert checkout(repository)[1]


def test_without_git(tmp_path, repository, monkeypatch):
    vendored = repository.parent / "site-packages" / "mtlbench"
    vendored.mkdir(parents=True)
    (vendored / "__init__.py").touch()
    assert checkout(vendored) == (None, False)  # installed inside somebody else's repository
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert checkout(repository) == (None, False)


def test_nothing_identifies_the_machine():
    text = collect(**ARGUMENTS).model_dump_json()
    home = str(Path.home())
    for secret in {platform.node(), str(provenance.PACKAGE.parent), *([home] if home != "/" else [])}:
        assert secret not in text
    assert f'"{getpass.getuser()}"' not in text


def test_versions_are_those_installed():
    assert collect(**ARGUMENTS).libraries["numpy"] == metadata.version("numpy")

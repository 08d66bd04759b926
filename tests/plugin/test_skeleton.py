from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtlbench.cli import main
from mtlbench.engine.config import load_experiment
from mtlbench.plugin import KINDS, Catalog
from mtlbench.plugin.skeleton import Names, SkeletonError, write_skeleton

BRIEF = ["schedule.iterations=2", "schedule.batch_size=2"]


def installed(root: Path, target: Path) -> Path:
    """Install a distribution into a folder of its own, without a network, and return that folder."""
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(root)], check=True
    )
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_whole(tmp_path, kind):
    files = write_skeleton(kind, "acme-thing", tmp_path)
    assert all("{{" not in path.read_text() for path in files)
    for path in files:
        if path.suffix == ".py":
            ast.parse(path.read_text())
    experiment = load_experiment(tmp_path / "acme-thing/configs/acme_thing_synthrooms.py")
    components = [*experiment.tasks.values(), *(getattr(experiment, k) for k in KINDS if k != "task")]
    assert [component.type for component in components].count("acme-thing") == 1
    assert len((tmp_path / f"acme-thing/acme_thing/{kind}.py").read_text().splitlines()) < 75
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff:
        style = "--isolated", "--line-length=110", "-q"
        subprocess.run([ruff, "check", *style, "--select=E,F,W,B,UP,SIM", str(tmp_path)], check=True)
        subprocess.run([ruff, "format", *style, "--check", str(tmp_path)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_installs_appears_passes_its_tests_and_trains(tmp_path, rooms_cache, kind):
    write_skeleton(kind, "acme-thing", tmp_path)
    root = tmp_path / "acme-thing"
    paths = [str(installed(root, tmp_path / "site")), os.environ.get("PYTHONPATH", "")]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "MTLBENCH_CACHE": str(rooms_cache),
    }

    def run(*words: object) -> str:
        command = [sys.executable, "-m", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "acme-thing" in run("mtlbench", "list", kind)
    assert " passed" in run("pytest", "-q", "-p", "no:cacheprovider", root)
    options = [word for option in BRIEF for word in ("--cfg-options", option)]
    out = run("mtlbench", "run", root / "configs/acme_thing_synthrooms.py", "--device", "cpu", *options)
    assert "record" in out


def test_the_command_says_what_comes_next(tmp_path):
    result = CliRunner().invoke(main, ["new", "adapter", "my-lora", "--into", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f'pip install -e "{tmp_path / "my-lora"}[test]"' in result.output
    again = CliRunner().invoke(main, ["new", "adapter", "my-lora", "--into", str(tmp_path)])
    assert again.exit_code == 2 and "exists" in again.stderr
    clash = CliRunner().invoke(main, ["new", "adapter", "lora", "--into", str(tmp_path)])
    assert clash.exit_code == 0 and 'type="lora:lora"' in clash.stderr


@pytest.mark.parametrize(
    "name", ["My-Lora", "../up", "a b", "", "1st", "-a", "a--b", "lambda", "mtlbench-x", "a" * 61]
)
def test_names_that_serve_no_package_are_refused(tmp_path, name):
    with pytest.raises(SkeletonError):
        write_skeleton("adapter", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SkeletonError, match="cannot be written"):
        write_skeleton("adapter", "my-lora", tmp_path / "file")


def test_every_kind_has_a_template():
    assert {Names(kind, "x").values()["kind"] for kind in KINDS} == {*KINDS}
    assert not Catalog.load().failed

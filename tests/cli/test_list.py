from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtlbench import __version__
from mtlbench.cli import COMMANDS, main
from mtlbench.errors import MtlbenchError
from mtlbench.plugin import Catalog

HEAVY = {"torch", "torchvision", "numpy", "mmengine", "mmcv", "cv2", "timm", "pydantic", "rich", "matplotlib"}

CLASH = """
    from mtlbench.plugin import Adapter, hookimpl

    @hookimpl
    def mtlbench_adapters():
        return [Adapter(name="outsider-scale", target="clash:Scale", summary="Clash with the outsider.")]
"""


def mtlbench(*arguments: str, paths: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with more distributions installed."""
    environment = {key: value for key, value in os.environ.items() if key != "MTLBENCH_STRICT_PLUGINS"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    command = [sys.executable, "-m", "mtlbench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_an_outsider_is_listed_with_its_distribution(outsider: Path) -> None:
    done = mtlbench("list", "adapter", "--json", paths=(outsider,))
    (row,) = [row for row in json.loads(done.stdout) if row["name"] == "outsider-scale"]
    assert row == {
        "kind": "adapter",
        "name": "outsider-scale",
        "target": "outsider_adapter.adapter:OutsiderScale",
        "summary": "Scale the output of frozen layers by a learned factor per channel.",
        "reference": "",
        "requires": "",
        "distribution": "outsider-adapter",
        "version": "0.3.0",
        "plugin": "outsider",
        "conflict": False,
    }


def test_kinds_are_headings_and_one_kind_can_be_chosen(outsider: Path) -> None:
    lines = mtlbench("list", "adapter", paths=(outsider,)).stdout.splitlines()
    assert lines[0] == "adapter"
    (row,) = [line.split() for line in lines if "outsider-scale" in line]
    assert row[:3] == ["outsider-scale", "Scale", "the"]
    assert row[-2:] == ["channel.", "outsider-adapter"]
    assert "adapter" not in mtlbench("list", "learner", paths=(outsider,)).stdout.splitlines()


def test_a_conflict_is_marked_on_every_row(outsider: Path, write_distribution) -> None:
    clash = write_distribution("clash", "2.0", {"clash": "clash_plugin"}, clash_plugin=CLASH)
    done = mtlbench("list", "adapter", paths=(clash, outsider))
    rows = [line for line in done.stdout.splitlines() if "outsider-scale" in line]
    assert [row.split()[-2:] for row in rows] == [["clash", "CONFLICT"], ["outsider-adapter", "CONFLICT"]]
    assert done.returncode == 0


def test_a_broken_plugin_is_named_and_stops_nothing(outsider: Path, write_distribution) -> None:
    broken = write_distribution("bad-dist", "0.1", {"bad": "bad_plugin"}, bad_plugin="import nowhere_at_all")
    reason = "ModuleNotFoundError: No module named 'nowhere_at_all'"
    done = mtlbench("list", "--json", paths=(broken, outsider))
    assert f"plugin failed to load: bad (bad-dist 0.1): {reason}" in done.stderr.splitlines()
    assert "outsider-scale" in {row["name"] for row in json.loads(done.stdout)}
    assert done.returncode == 0

    done = mtlbench("plugins", "--json", paths=(broken, outsider))
    rows = {row["plugin"]: row for row in json.loads(done.stdout)}
    assert rows["bad"] == {
        "distribution": "bad-dist",
        "version": "0.1",
        "plugin": "bad",
        "components": {},
        "error": reason,
        "deprecations": [],
    }
    assert rows["outsider"]["components"] == {"adapter": 1}
    assert rows["outsider"]["error"] is None
    assert done.returncode == 0

    lines = [
        line.split(maxsplit=3) for line in mtlbench("plugins", paths=(broken, outsider)).stdout.splitlines()
    ]
    assert ["bad-dist", "0.1", "bad", f"BROKEN: {reason}"] in lines
    assert ["outsider-adapter", "0.3.0", "outsider", "1 adapter"] in lines


@pytest.mark.parametrize(
    "arguments", ["--help", "list", "list --help", "group --help", "plugins", "plugins --json"]
)
def test_light_commands_import_nothing_heavy(outsider: Path, arguments: str) -> None:
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('modules:', *sys.modules))\n"
        f"from mtlbench.cli import main\nmain({arguments.split()!r})"
    )
    environment = os.environ | {"PYTHONPATH": str(outsider)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    marker, *modules = done.stdout.splitlines()[-1].split()
    assert marker == "modules:"
    assert "mtlbench.cli" in modules
    assert not HEAVY & set(modules)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    module, _, function = COMMANDS[name].target.partition(":")
    command = getattr(importlib.import_module(module), function)
    assert command.help.splitlines()[0] == COMMANDS[name].help
    shown = CliRunner().invoke(main, [name, "--help"]).output
    assert f"Example: mtlbench {name}" in shown


def test_the_help_names_every_command() -> None:
    lines = CliRunner().invoke(main, ["--help"]).output.splitlines()
    listed = lines[lines.index("Commands:") + 1 :]
    shown = [line.split()[0] for line in listed if not line.startswith("   ")]  # the rest is wrapped
    assert shown == list(COMMANDS)


def test_the_version_is_shown() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"mtlbench, version {__version__}\n"


def test_an_unknown_kind_is_refused_with_the_kinds() -> None:
    done = CliRunner().invoke(main, ["list", "adaptor"])
    assert done.exit_code == 2
    assert "'adaptor' is not one of 'task', 'dataset', 'backbone', 'adapter'" in done.output


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MtlbenchError("It is off.\nRun `mtlbench on`."), 2, "Error: It is off.\nRun `mtlbench on`.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_errors_become_exit_codes(monkeypatch: pytest.MonkeyPatch, error, code: int, text: str) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(Catalog, "load", fail)
    done = CliRunner().invoke(main, ["plugins"])
    assert (done.exit_code, done.stderr) == (code, text)

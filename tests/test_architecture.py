"""Hold the rules of the house that no other test would notice broken."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.name for path in ROOT.glob("plugins/mtlbench_*"))
SOURCES = sorted([*ROOT.glob("mtlbench/**/*.py"), *ROOT.glob("plugins/**/*.py")])
TOP = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "benchmarks",
    "configs",
    "constraints.txt",
    "docs",
    "leaderboards",
    "mkdocs.yml",
    "mtlbench",
    "plugins",
    "pyproject.toml",
    "tests",
    "tox.ini",
}
PATHS = re.compile(r"(?<![\w.$~{}/*)-])/(?:home|root|work|Users|mnt|data|opt|srv|scratch)/\w[^\s\"']*")
REGISTRIES = re.compile(
    r"(?:pypi\.org|pythonhosted|test\.pypi|download\.pytorch\.org|anaconda\.org|--(?:extra-)?index-url|--find-links)"
)


def imports(path: Path) -> set[str]:
    """Return the absolute name of every module that a file imports, at any depth."""
    parts = path.relative_to(ROOT).parts
    package = parts[1:-1] if parts[0] == "plugins" else parts[:-1]
    return modules(path.read_text(encoding="utf-8"), package)


def modules(source: str, package: tuple[str, ...]) -> set[str]:
    """Return the absolute name of every module that the source of a module in `package` imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            found.add(".".join([*above, *filter(None, [node.module])]))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {item.value for item in node.args if isinstance(item, ast.Constant)}
    return found


def tracked() -> list[Path]:
    """Return the files that git knows, or would take up."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the content of tracked files that are text."""
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8")


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("mtlbench/**/*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_bench_imports_no_plugin(path):
    assert not [name for name in imports(path) if name.startswith("mtlbench_")]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_no_other(plugin):
    for path in ROOT.glob(f"plugins/{plugin}/**/*.py"):
        found = {name.partition(".")[0] for name in imports(path)}
        assert {name for name in found if name.startswith("mtlbench_")} <= {plugin}, path.name


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_hook_module_imports_only_the_plugin_interface(plugin):
    assert imports(ROOT / "plugins" / plugin / "__init__.py") == {"mtlbench.plugin"}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_is_registered_and_tested(plugin):
    entry = f'{plugin.removeprefix("mtlbench_")} = "{plugin}"'
    assert entry in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert [*(ROOT / "tests/plugins" / plugin).glob("test_*.py")]


def test_no_file_is_long():
    lengths = {p.relative_to(ROOT).as_posix(): len(p.read_text("utf-8").splitlines()) for p in SOURCES}
    assert len(lengths) > 100
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_nothing_is_called_utils():
    assert not [path for path in SOURCES if path.stem in {"utils", "util", "helpers", "misc", "common"}]


def test_no_file_names_a_place_on_some_machine():
    found = {name: PATHS.findall(text) for name, text in texts() if name != "tests/test_architecture.py"}
    assert found
    assert not {name: places for name, places in found.items() if places}


def test_places_on_machines_are_recognised():
    assert PATHS.findall('root="/home/me/data/x.npy"') == ["/home/me/data/x.npy"]
    assert not PATHS.findall("data/NYUD_MT, ~/data/x, $OUT/data/x, https://host/data/x, a/work/b, ./data/x")


def test_no_file_names_a_registry():
    found = {name: REGISTRIES.findall(text) for name, text in texts() if name != "tests/test_architecture.py"}
    assert not {name: hosts for name, hosts in found.items() if hosts}


def test_the_top_level_is_what_the_readme_says():
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert top == TOP
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = {name for name in top if (ROOT / name).is_dir() and not name.startswith(".")}
    assert {name for name in folders if f"| `{name}/` |" in readme} == folders

"""Look at an installation: what is there, what is broken, and how to mend it."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from mtlbench.plugin.catalog import Catalog
from mtlbench.plugin.hookspecs import API_VERSION

State = Literal["ok", "note", "broken"]
SPARE = 2 * 2**30  # bytes: rendered rooms and decoded samples of a small dataset
#: asks torch in a process of its own, so that a broken one breaks nothing here
PROBE = (
    "import torch; print(torch.__version__, torch.get_num_threads(), "
    "torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU', sep='; ')"
)


class Finding(NamedTuple):
    """Say what was looked at, what was found, and what mends it."""

    state: State
    what: str
    found: str
    cure: str = ""


def examine(catalog: Catalog, cache: Path | None = None, torch: bool = True) -> Iterator[Finding]:
    """Yield everything that was looked at.

    Args:
        catalog: of the installed plugins.
        cache: the folder of caches; None takes that of this environment.
        torch: whether to start a process that imports torch, which takes seconds.
    """
    yield from _python()
    yield from _requirements()
    yield from _plugins(catalog)
    yield _cache(cache)
    yield from _tools()
    if torch:
        yield _torch()


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = metadata.metadata("mtlbench")["Requires-Python"]
    fits = Requirement(f"python{wanted}").specifier.contains(version)
    yield Finding(
        "ok" if fits else "broken", "Python", version, "" if fits else f"install one that is {wanted}"
    )


def _requirements() -> Iterator[Finding]:
    """Hold what is installed against the bounds that the distribution declares."""
    extras: dict[str, list[str]] = {}
    for line in metadata.requires("mtlbench") or ():
        requirement = Requirement(line)
        extra = _extra_of(requirement)
        if extra is None and requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            if extra is None:
                yield Finding("broken", requirement.name, "missing", f'pip install "{_plain(requirement)}"')
            else:
                extras.setdefault(extra, []).append(requirement.name)
            continue
        if not requirement.specifier.contains(Version(version), prereleases=True):
            yield Finding("broken", requirement.name, version, f'pip install "{_plain(requirement)}"')
        elif extra is None:
            yield Finding("ok", requirement.name, version)
    for extra, missing in sorted(extras.items()):
        yield Finding(
            "note",
            f"extra {extra}",
            f"lacks {', '.join(missing)}",
            f'if wanted: pip install "mtlbench[{extra}]"',
        )


def _plugins(catalog: Catalog) -> Iterator[Finding]:
    count = f"{len(catalog.plugins)} loaded, {len(catalog.entries())} components, hooks {API_VERSION}"
    yield Finding("ok", "plugins", count)
    for loaded in catalog.plugins:
        for text in loaded.deprecations:
            cure = f"upgrade {loaded.distribution} {loaded.version}, or tell its author"
            yield Finding("note", f"plugin {loaded.name}", text, cure)
    for plugin in catalog.failed:
        yield Finding(
            "broken",
            f"plugin {plugin.name}",
            plugin.reason,
            f"upgrade or uninstall {plugin.distribution} {plugin.version}; its author sees the traceback "
            "with MTLBENCH_STRICT_PLUGINS=1 mtlbench plugins",
        )
    for entry in catalog.entries():
        if catalog.is_conflict(entry):
            yield Finding(
                "note",
                f"{entry.record.kind} {entry.record.name}",
                f"also comes from {entry.distribution}",
                f'uninstall one, or write type="{entry.qualified_name}" in configs',
            )


def _cache(folder: Path | None) -> Finding:
    cure = "set MTLBENCH_CACHE to a folder on a disk with room"
    if folder is None:
        asked = os.environ.get("MTLBENCH_CACHE")
        try:
            folder = Path(asked) if asked else Path.home() / ".cache/mtlbench"
        except RuntimeError:
            return Finding("note", "cache", "there is no home folder, so caches don't last", cure)
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(place, os.W_OK):
        return Finding("broken", "cache", f"{place} cannot be written", cure)
    free = shutil.disk_usage(place).free
    text = f"{folder}, {free / 2**30:.1f} GiB free"
    return Finding("note", "cache", text, cure) if free < SPARE else Finding("ok", "cache", text)


def _tools() -> Iterator[Finding]:
    found = shutil.which("git")
    yield (
        Finding("ok", "git", found)
        if found
        else Finding("note", "git", "missing", "install it: without it records name no commit")
    )


def _torch() -> Finding:
    try:
        done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return Finding("broken", "torch", "did not start within two minutes", "install it anew")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Finding("broken", "torch", reason, "install torch and torchvision of one release anew")
    version, threads, device = done.stdout.strip().split("; ")
    return Finding("ok", "torch", f"{version} starts; {threads} threads, {device}")


def _extra_of(requirement: Requirement) -> str | None:
    """Return the extra that a requirement belongs to."""
    text = str(requirement.marker or "")
    return text.split("extra ==")[1].strip().strip("\"'") if "extra ==" in text else None


def _plain(requirement: Requirement) -> str:
    try:
        return str(Requirement(f"{requirement.name}{requirement.specifier}"))
    except InvalidRequirement:
        return requirement.name

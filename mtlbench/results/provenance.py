"""Collect which code, libraries and device made a run, and nothing that identifies the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import mtlbench
from mtlbench.results.schema import Provenance

#: what decides a run's numbers; records that land in leaderboards/ during a rebuild make nothing dirty
CODE = ("mtlbench", "plugins", "configs", "pyproject.toml")
LIBRARIES = ("torch", "torchvision", "timm", "mmengine", "numpy", "opencv-python", "peft", "torchjd")
PACKAGE = Path(mtlbench.__file__).parent


def collect(
    *, plugins: dict[str, str], device: str, threads: int, data: dict[str, str], weights: str | None
) -> Provenance:
    """Return the provenance of a run that this process makes.

    Args:
        plugins: version of each distribution that gave a component.
        device: model name of the device, such as ``"cpu"`` or ``"NVIDIA A100"``.
        threads: number of CPU threads that compute.
        data: fingerprint of each split.
        weights: fingerprint of the pretrained weights, if there were any.
    """
    commit, dirty = checkout()
    return Provenance(
        commit=commit,
        dirty=dirty,
        mtlbench=mtlbench.__version__,
        plugins=plugins,
        python=platform.python_version(),
        libraries={name: version for name in LIBRARIES if (version := _version(name))},
        platform=f"{platform.system()} {platform.machine()}".strip(),
        device=device.strip(),
        threads=threads,
        data=data,
        weights=weights,
    )


def checkout(package: Path = PACKAGE) -> tuple[str | None, bool]:
    """Return the commit that holds `package` and whether the code differs from it; (None, False) without git.

    A package that is installed inside somebody else's repository counts as without git: that repository's
    commit says nothing about it.
    """
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, False
    commit, top = _git(package, "rev-parse", "HEAD"), _git(package, "rev-parse", "--show-toplevel")
    if commit is None or top is None:
        return None, True
    changes = _git(Path(top), "status", "--porcelain", "--", *CODE)
    return commit, changes != ""


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None

"""Find published records that were edited or removed, in the history of the git checkout they lie in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mtlbench.boards.admission import Refusal
from mtlbench.errors import printable
from mtlbench.results.store import VERIFIED


def edited(folder: Path) -> tuple[list[Refusal], str]:
    """Return every record below ``<folder>/results`` that is not what was first published, and a note.

    Looks at all commits up to this one and at the working tree. Verifications may change, and so may what
    was never committed.

    Args:
        folder: a board's folder.

    Returns:
        the edited and the removed records, and a sentence on what could not be looked at, or nothing.
    """
    results = Path(folder) / "results"
    if results.is_symlink() or not results.is_dir():
        return [], ""
    if os.path.lexists(results / ".git"):  # git would do what its config says
        return [Refusal(".git", "a board brings no repository of its own: remove it")], ""
    shallow = _git(results, "rev-parse", "--is-shallow-repository")
    if shallow is None:
        return [], "This is no git checkout: whether published records were edited can't be told."
    found: dict[str, str] = {}
    commit = ""
    log = (
        "log",
        "--no-renames",
        "--diff-filter=MDT",
        "--relative",
        "--name-status",
        "--format=commit %h",
        "-z",
    )
    for word, name in _log(_git(results, *log, "--", ".") or ""):
        if word == "commit":
            commit = name
        else:
            found.setdefault(name, f"commit {commit} {'removed' if word == 'D' else 'changed'} it")
    changes = _git(results, "diff", "HEAD", "--no-renames", "--relative", "--name-status", "-z", "--", ".")
    for word, name in _log(changes or ""):
        if word in ("M", "D", "T"):
            found[name] = f"it is {'removed' if word == 'D' else 'changed'} in the working tree"
    refusals = [
        Refusal(
            printable(name), f"published records never change, but {reason}: bring the first version back"
        )
        for name, reason in sorted(found.items())
        if name.endswith(".json") and not name.endswith(VERIFIED)
    ]
    cut = (
        "This checkout's history is cut: edits before it can't be seen." if shallow.strip() == "true" else ""
    )
    return refusals, cut


def _log(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("commit", hash) and (status, path) in the order of `text`, whose words end with zeros."""
    words = iter(word.strip("\n") for word in text.split("\0"))
    for word in words:
        if word.startswith("commit "):
            yield "commit", word.removeprefix("commit ")
        elif word:
            yield word, next(words, "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")

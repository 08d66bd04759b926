"""Write and read checkpoints so that a kill, a full disk or a flipped bit loses nothing."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from mtlbench.errors import MtlbenchError
from mtlbench.results.store import write_atomically

FORMAT = 1
_KEPT = 2


class CheckpointError(MtlbenchError):
    """Say why a run cannot write or go on from a checkpoint."""


def save(folder: Path, step: int, content: dict[str, Any]) -> Path:
    """Write `step-<n>.pt` and its checksum atomically; keep the newest two.

    `content` holds tensors and plain values only, so that it can be read back without executing anything.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written; older checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "step": step, **content}, buffer)
    data = buffer.getvalue()
    path = folder / f"step-{step:08d}.pt"
    digest = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        write_atomically(path.with_suffix(".json"), json.dumps(digest).encode())
    except OSError as error:
        raise CheckpointError(
            f"The checkpoint {path} cannot be written: {error.strerror or error}. Free some space (or "
            "choose another --work-dir) and run the same command again: it goes on from the newest good "
            "checkpoint."
        ) from error
    for stray in folder.glob(".step-*.tmp"):  # of a process that was killed while it wrote
        stray.unlink(missing_ok=True)
    for old in sorted(folder.glob("step-*.pt"))[:-_KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".json").unlink(missing_ok=True)
    return path


def load_latest(folder: Path, warn: Any = None) -> dict[str, Any] | None:
    """Return the newest checkpoint whose checksum is right, or None; name damaged ones through `warn`."""
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        try:
            return _read(path)
        except (OSError, ValueError, KeyError, CheckpointError) as error:
            if warn is not None:
                warn(f"The checkpoint {path} is damaged and left out ({error}); trying the one before.")
    return None


def _read(path: Path) -> dict[str, Any]:
    digest = json.loads(path.with_suffix(".json").read_text())
    data = path.read_bytes()
    if len(data) != digest["size"] or hashlib.sha256(data).hexdigest() != digest["sha256"]:
        raise CheckpointError("its checksum is wrong")
    content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if content.get("format") != FORMAT:
        raise CheckpointError(f"its format {content.get('format')!r} is not {FORMAT}")
    return content

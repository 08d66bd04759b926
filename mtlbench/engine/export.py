"""Export the trained model of a run: merged weights, what each task adds to them, and one program."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from mtlbench import __version__
from mtlbench.engine.errors import ExportError
from mtlbench.engine.model import MultiTaskModel
from mtlbench.engine.parting import SHARED_FILE, Piece, part, task_file
from mtlbench.engine.program import (
    Outputs,
    Program,
    bounds,
    load,
    outputs,
    random_images,
    require_equal,
    trace,
)
from mtlbench.engine.rebuild import Trained, rebuild, record_file
from mtlbench.engine.sites import merge
from mtlbench.engine.work_dir import writing
from mtlbench.plugin.catalog import Catalog
from mtlbench.results.store import write_atomically

FORMAT = 1
ABOUT = "export.json"
PROGRAM = "model.pt2"


@dataclass(frozen=True)
class ExportOptions:
    """Say where to and what; see `rebuild` for `weights`, `data_root` and `size`."""

    to: Path | None = None
    overwrite: bool = False
    program: bool = True
    weights: Path | None = None
    data_root: Path | None = None
    size: tuple[int, int] | None = None


def export(run: Path, catalog: Catalog, options: ExportOptions) -> tuple[Path, dict[str, Any]]:
    """Write the model of `run`, a run's folder or the record inside it; return the folder and `export.json`.

    What is written puts out what the trained model does, to `TOLERANCE` on random images.

    Raises:
        ExportError: the folder exists, the model cannot be built again, or the merged one differs.
        RunError: the folder cannot be written.
    """
    folder = (options.to or record_file(run).parent / "export").absolute()
    _require_free(folder, options.overwrite)
    trained = rebuild(run, catalog, options.weights, options.data_root, options.size)
    model, size = trained.model, trained.size
    images = random_images(3, size)
    before = _count(model)
    merged, exact, allowed = merge_exactly(model, images)
    differences = require_equal(outputs(Program(model), images), exact, "The merged model", allowed)
    parts = part(model, size)
    about = {
        **_identity(trained),
        **_interface(model, exact, size, options.program),
        "merged": merged,
        "tensors": {file: _shapes(pieces) for file, pieces in parts.items()},
        "parameters": {"before": before, "merged": _count(model), **_counts(model, parts)},
    }
    files = {file: _safetensors(pieces, trained) for file, pieces in parts.items()}
    if options.program:
        files[PROGRAM] = trace(Program(model), size)
        program = load(files[PROGRAM])
        for batch in (1, 3):  # not that of tracing
            found = outputs(program, images[:batch])
            here = {task: output[:batch] for task, output in exact.items()}
            differences = require_equal(found, here, "The traced program", allowed)
    about["difference"] = differences
    about["files"] = {
        file: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for file, data in files.items()
    }
    files[ABOUT] = (json.dumps(about, indent=2) + "\n").encode()
    _write(folder, files)
    return folder, about


def summary(folder: Path, about: Mapping[str, Any]) -> str:
    """Return what was exported, in lines for a terminal."""
    width = max(len(file) for file in about["files"])
    lines = [f"{file:<{width}}  {made['bytes']:>13,} bytes" for file, made in about["files"].items()]
    counts = about["parameters"]
    tasks = ", ".join(f"{task} {number:,}" for task, number in counts["tasks"].items())
    return "\n".join(
        [
            *lines,
            f"\nparameters  {counts['before']:,}, merged {counts['merged']:,}: shared {counts['shared']:,}, "
            f"{tasks}",
            f"merged      {len(about['merged'])} layers",
            f"difference  {max(about['difference'].values()):.1e} of an output's largest value, at most",
            f"images      {' x '.join(map(str, about['input']['shape'][1:]))}, uint8, any number",
            f"folder      {folder}",
        ]
    )


def merge_exactly(model: MultiTaskModel, images: Tensor) -> tuple[dict[str, str], Outputs, dict[str, float]]:
    """Merge in float64, where rounding hides nothing, and go back to float32.

    Returns:
        path -> `what stood there -> what stands there now`; the outputs of the trained model for `images`,
        computed in float64; how far from them those of float32 may be.

    Raises:
        ExportError: merging changes what the model puts out.
    """
    rounded = outputs(Program(model), images)
    model.double()
    exact = outputs(Program(model), images)
    before = {
        path: type(module).__name__ for path, module in model.named_modules() if hasattr(module, "deployed")
    }
    merge(model)
    model.eval()
    require_equal(outputs(Program(model), images), exact, "The merged model")
    model.float()
    merged = {path: f"{name} -> {type(model.get_submodule(path)).__name__}" for path, name in before.items()}
    return merged, exact, bounds(rounded, exact)


def _require_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not overwrite:
        raise ExportError(f"{folder} exists. Choose another folder with --to, or replace it: --overwrite.")
    if not (folder / ABOUT).is_file():
        raise ExportError(
            f"{folder} holds no {ABOUT}, so it is no export and is not replaced. Choose another folder with "
            "--to."
        )


def _identity(trained: Trained) -> dict[str, Any]:
    record = trained.record
    return {
        "format": FORMAT,
        "run_id": record.run_id,
        "config_hash": record.config_hash,
        "components": record.components,
        "pretrained": record.provenance.weights,
        "mtlbench": __version__,
        "torch": torch.__version__,
    }


def _interface(model: MultiTaskModel, maps: Outputs, size: tuple[int, int], program: bool) -> dict[str, Any]:
    return {
        "program": PROGRAM if program else None,
        "input": {
            "dtype": "uint8",
            "shape": ["batch", 3, *size],
            "mean": model.mean.flatten().tolist(),
            "std": model.std.flatten().tolist(),
        },
        "outputs": {task: ["batch", *output.shape[1:]] for task, output in maps.items()},
    }


def _shapes(pieces: Mapping[str, Piece]) -> dict[str, Any]:
    return {name: {"shape": piece.shape, "rows": piece.rows} for name, piece in pieces.items()}


def _count(model: MultiTaskModel) -> int:
    """Count the parameters of backbone and decoder."""
    return sum(parameter.numel() for parameter in nn.ModuleList([model.backbone, model.decoder]).parameters())


def _counts(model: MultiTaskModel, parts: Mapping[str, Mapping[str, Piece]]) -> dict[str, Any]:
    known = {name for name, _ in model.named_parameters()}
    counts = {
        file: sum(piece.values.numel() for name, piece in pieces.items() if name in known)
        for file, pieces in parts.items()
    }
    return {"shared": counts[SHARED_FILE], "tasks": {task: counts[task_file(task)] for task in model.tasks}}


def _safetensors(pieces: Mapping[str, Piece], trained: Trained) -> bytes:
    tensors = {name: piece.values.clone().contiguous() for name, piece in pieces.items()}
    return safetensors.torch.save(tensors, {"format": "pt", "run_id": trained.record.run_id})


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files, or none: into a folder beside it that then takes its name."""
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    with writing("export", folder):
        try:
            for name, data in files.items():
                path = scratch / "new" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, data)
            if folder.exists():
                folder.rename(scratch / "old")
            (scratch / "new").rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

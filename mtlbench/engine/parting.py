"""Part the weights of a model into what tasks share and what is one task's alone, and join them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from mtlbench.engine.model import MultiTaskModel
from mtlbench.engine.sharing import SHARED, reached

SHARED_FILE = "weights.safetensors"


class Piece(NamedTuple):
    """Hold rows of a tensor along its first axis: `rows` are ranges [start, stop), None for all of them."""

    rows: list[list[int]] | None
    shape: list[int]
    values: Tensor


def task_file(task: str) -> str:
    """Return the file of what belongs to one task alone."""
    return f"tasks/{task}.safetensors"


def part(model: MultiTaskModel, size: tuple[int, int]) -> dict[str, dict[str, Piece]]:
    """Return file -> name -> piece, for parameters and kept buffers of backbone and decoder.

    Which rows are one task's is found, not declared, on images of `size`, see `mtlbench.engine.sharing`.
    """
    owners = _owners(model, size)
    files: dict[str, dict[str, Piece]] = {SHARED_FILE: {}, **{task_file(task): {} for task in model.tasks}}
    for name, owner in owners.items():
        tensor = model.state_dict()[name].detach()
        for index, file in zip([SHARED, *range(len(model.tasks))], files, strict=True):
            mine = owner == index
            if mine.all():
                files[file][name] = Piece(None, list(tensor.shape), tensor)
            elif mine.any():
                files[file][name] = Piece(_ranges(mine), list(tensor.shape), tensor[mine])
    return files


def join(folder: Path) -> dict[str, Tensor]:
    """Return name -> tensor of an exported folder: the shared weights with those of all tasks."""
    tensors = json.loads((folder / "export.json").read_text(encoding="utf-8"))["tensors"]
    joined: dict[str, Tensor] = {}
    for file, pieces in tensors.items():
        values = load_file(folder / file)
        for name, piece in pieces.items():
            if piece["rows"] is None:
                joined[name] = values[name]
                continue
            whole = joined.setdefault(name, values[name].new_empty(piece["shape"]))
            rows = torch.cat([torch.arange(start, stop) for start, stop in piece["rows"]])
            whole[rows] = values[name]
    return joined


def _owners(model: MultiTaskModel, size: tuple[int, int]) -> dict[str, Tensor]:
    """Return name -> the task that each row belongs to, or `SHARED`; what is frozen is shared.

    A buffer goes with the parameters of its module: row by row where it has as many, such as the statistics
    of a norm, else where all of them belong to one task.
    """
    # what rounds to nothing for a task on one image shows on another
    draws = [reached(model, size, seed) for seed in range(3)]
    found = {p: _resolve(torch.stack([draw[p] for draw in draws]).any(0)) for p in draws[0]}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    owners = {}
    for name, tensor in model.state_dict().items():
        if not name.startswith(("backbone.", "decoder.")):
            continue
        rows = tensor.shape[0] if tensor.ndim else 1
        if name in parameters:
            owner = found.get(parameters[name])
        else:
            module = model.get_submodule(name.rpartition(".")[0])
            beside = [found[p] for p in module.parameters(recurse=False) if p in found]
            owner = next((other for other in beside if len(other) == rows), None)
            alone = torch.cat(beside).unique() if beside else torch.tensor([SHARED])
            if owner is None and len(alone) == 1:
                owner = alone.expand(rows)
        owners[name] = torch.full((rows,), SHARED) if owner is None else owner
    return owners


def _resolve(tasks: Tensor) -> Tensor:
    """Return the owner of each of n rows, of which tasks reach them (T, n).

    Random images leave single rows silent for some tasks. So rows count together: all of them, or T equal
    pieces, or as many as groups of tasks or a shared piece beside T may make.
    """
    count, rows = tasks.shape
    for pieces in (1, count, *range(2, count), count + 1):
        if rows % pieces == 0:
            reaching = tasks.reshape(count, pieces, -1).any(-1)
            alone = reaching.sum(0) == 1
            if alone.all() or (pieces not in (1, count) and alone.any()):
                owner = torch.where(alone, reaching.int().argmax(0), SHARED)
                return owner.repeat_interleave(rows // pieces)
    return torch.full((rows,), SHARED)


def _ranges(mine: Tensor) -> list[list[int]]:
    return list(_runs(mine.nonzero().flatten().tolist()))


def _runs(rows: list[int]) -> Iterator[list[int]]:
    for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
        (_, first), *_, (_, last) = [*run] * 2
        yield [first, last + 1]

"""Serve rendered rooms as a dataset."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mtlbench.contracts.dataset import Dataset, Sample
from mtlbench.data.cache import open_cache
from mtlbench.errors import MtlbenchError, did_you_mean

from .layouts import write_layout
from .render import render_room
from .scene import CLASSES, PALETTE

RENDER_VERSION = 1
"""Raise whenever a seed yields another image or label than before: it names caches and enters records."""

WORLDS = {"main": "", "pretrain": "pretrain-", "tune": "tune-"}
"""Prefix of the renderer's split by world; rooms of different worlds share no seed."""

_LABELS = ("semseg", "depth", "normals", "edge", "saliency", "albedo", "shading")


class SynthRooms(Dataset):
    """Render rooms, all labels of all pixels known; see `render_room`.

    The first use of a split renders it into the cache (about 10 ms per room of 96 x 128 and process).

    Args:
        split: `train` or `val`; they share no room.
        tasks: among `task_options`.
        size: of the images, (H, W).
        train_rooms: number of rooms in `train`.
        val_rooms: number of rooms in `val`.
        world: `main`; or rooms that no board shows: `pretrain` for backbones, `tune` for choosing
            hyper-parameters.

    Raises:
        MtlbenchError: an option has no such value.
        CacheError: the rendered rooms find no place.
    """

    #: tasks that can be asked for, with the options of their `Task` that follow from this dataset
    task_options: ClassVar[dict[str, dict[str, Any]]] = {
        "semseg": {"classes": len(CLASSES), "palette": PALETTE},
        "depth": {"draw_to": 8.0},
        "normals": {},
        "edge": {},
        "saliency": {},
        "albedo": {"type": "regression", "channels": 3},
        "shading": {"type": "regression", "channels": 1},
    }

    def __init__(
        self,
        split: str,
        tasks: Sequence[str],
        size: tuple[int, int] = (96, 128),
        train_rooms: int = 512,
        val_rooms: int = 128,
        world: str = "main",
    ) -> None:
        rooms = {"train": train_rooms, "val": val_rooms}
        _choose("split", split, rooms)
        _choose("world", world, WORLDS)
        for task in tasks:
            _choose("task", task, self.task_options)
        self.tasks = tuple(tasks)
        self.ids = tuple(f"{split}-{number:05d}" for number in range(rooms[split]))
        content = [RENDER_VERSION, world, split, list(size), rooms[split]]
        self._fingerprint = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        render = partial(_render, size=tuple(size), split=WORLDS[world] + split)
        self._rooms = open_cache("synthrooms", self._fingerprint, len(self.ids), render)

    def __getitem__(self, index: int) -> Sample:
        """Return room `index`; albedo (H, W, 3) and shading (H, W, 1) are labels of kind `image`."""
        labels = {task: _as_label(task, self._rooms[task][index]) for task in self.tasks}
        return {"id": self.ids[index], "image": np.array(self._rooms["image"][index]), "labels": labels}

    def fingerprint(self) -> str:
        """Return a hash of the renderer's version and of the options that decide which rooms there are."""
        return self._fingerprint

    @classmethod
    def write_layout(
        cls, layout: str, root: str | Path, train: int = 16, val: int = 8, size: tuple[int, int] = (480, 640)
    ) -> None:
        """Write rooms to disk as another dataset's files, so that its reader has something to read.

        Args:
            layout: among `layouts.LAYOUTS`, such as `nyud`.
            root: folder to create; must be absent or empty.
            train: number of rooms in the training split.
            val: number of rooms in the validation split.
            size: of the images, (H, W).

        Raises:
            MtlbenchError: there is no such layout, or `root` holds something.
        """
        write_layout(layout, Path(root), {"train": train, "val": val}, size)


def _choose(what: str, value: str, known: Sequence[str] | dict) -> None:
    if value not in known:
        raise MtlbenchError(
            f"synthrooms has no {what} {value!r}.{did_you_mean(value, known)} "
            f"Choose from: {', '.join(known)}."
        )


def _render(index: int, size: tuple[int, int], split: str) -> dict[str, np.ndarray]:
    room = render_room(index, size, split)
    return {key: room[key] for key in ("image", *_LABELS)}


def _as_label(task: str, stored: np.ndarray) -> np.ndarray:
    if task == "albedo":
        return stored.astype(np.float32) / np.float32(255)
    return np.array(stored[..., None] if task == "shading" else stored)

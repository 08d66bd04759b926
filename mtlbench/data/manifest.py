"""Say image by image which labels may be seen: the one form of every draw, as plain JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tabulate import tabulate

from mtlbench.data.errors import BadManifest
from mtlbench.results.schema import canonical_json, config_hash
from mtlbench.results.store import parse_json, write_atomically

_VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """Hold a draw of labels.

    Two manifests have one hash if they show the same labels, wherever these come from.

    Attributes:
        labels: image id -> names of the tasks whose label may be seen, sorted.
        tasks: all tasks of the draw, sorted; a label of one that is not named for an image is hidden.
        protocol: what drew it: `type` and options, or where it was published.
        seed: that it was drawn from; None where nothing was drawn.
    """

    labels: Mapping[str, tuple[str, ...]]
    tasks: tuple[str, ...]
    protocol: Mapping[str, Any]
    seed: int | None = None

    @classmethod
    def of(
        cls,
        labels: Mapping[str, Iterable[str]],
        tasks: Iterable[str],
        protocol: Mapping[str, Any],
        seed: int | None = None,
    ) -> Manifest:
        """Return the manifest of `labels`, whatever the order of images and tasks."""
        plain = {image: tuple(sorted(labels[image])) for image in sorted(labels)}
        return cls(plain, tuple(sorted({*tasks}.union(*plain.values()))), protocol, seed)

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of the canonical JSON of `labels`."""
        return config_hash({image: list(seen) for image, seen in self.labels.items()})

    @property
    def hides(self) -> bool:
        """Return whether any label of any image is hidden."""
        return any(len(seen) < len(self.tasks) for seen in self.labels.values())

    def per_task(self) -> dict[str, int]:
        """Return task -> number of images that show its label."""
        counts = Counter(task for seen in self.labels.values() for task in seen)
        return {task: counts[task] for task in self.tasks}

    def per_image(self) -> dict[int, int]:
        """Return number of visible labels -> number of images that show so many."""
        return dict(sorted(Counter(map(len, self.labels.values())).items()))

    def text(self) -> str:
        """Return the one text of this manifest: JSON with a line per image."""
        head = {
            "schema_version": _VERSION,
            "hash": self.hash,
            "protocol": dict(self.protocol),
            "seed": self.seed,
            "tasks": list(self.tasks),
        }
        fields = [f"{json.dumps(key)}: {canonical_json(value)}" for key, value in head.items()]
        images = [f"{json.dumps(image)}: {json.dumps(list(seen))}" for image, seen in self.labels.items()]
        fields.append('"labels": {\n' + ",\n".join(images) + "\n}")
        return "{\n" + ",\n".join(fields) + "\n}\n"

    def save(self, path: Path) -> None:
        """Write `text` to `path` in one step, and the folders above it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, self.text().encode())


def load_manifest(path: Path) -> Manifest:
    """Read a manifest that `Manifest.save` wrote.

    Raises:
        BadManifest: the file is absent, is no manifest, or was changed.
    """
    content = read_json(path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or version != _VERSION:  # True and 1.0 equal 1
        raise BadManifest(
            f"{path} is no manifest of labels of version {_VERSION}; write one with "
            "`mtlbench data labels SOURCE --save FILE`, where SOURCE is a config or a published list."
        )
    protocol, tasks = content.get("protocol"), require_names(path, "tasks", content.get("tasks"))
    labels, seed = require_labels(path, content.get("labels")), content.get("seed")
    if not isinstance(protocol, dict) or not (seed is None or type(seed) is int):
        raise BadManifest(f"{path} has a 'protocol' that is no object, or a 'seed' that is no whole number.")
    manifest = Manifest.of(labels, tasks, protocol, seed)
    if content.get("hash") != manifest.hash or len(manifest.tasks) > len(tasks):
        raise BadManifest(
            f"{path} was changed after it was written: its labels have the hash {manifest.hash}. Write it "
            "anew with `mtlbench data labels SOURCE --save FILE`."
        )
    return manifest


def is_manifest(path: Path) -> bool:
    """Return whether a file says that it is a manifest, whole or not.

    Raises:
        BadManifest: it cannot be read.
    """
    content = read_json(path)
    return isinstance(content, dict) and "schema_version" in content


def counts_table(manifest: Manifest) -> str:
    """Return what a manifest shows: images per task, images per number of labels, seed and hash."""
    images = len(manifest.labels)
    rows = [(task, count, f"{count / images:.1%}") for task, count in manifest.per_task().items()]
    numbers = [(number, count, f"{count / images:.1%}") for number, count in manifest.per_image().items()]
    seed = "none" if manifest.seed is None else manifest.seed
    return "\n\n".join(
        [
            tabulate(rows, ["task", "images", "of all"], colalign=("left", "right", "right")),
            tabulate(numbers, ["labels of an image", "images", "of all"], colalign=("right",) * 3),
            f"images  {images}\nseed    {seed}\nhash    {manifest.hash}",
        ]
    )


def read_json(path: Path) -> Any:
    """Read a file of JSON in which no object names a key twice, and no number is NaN or infinite.

    Raises:
        BadManifest: it is absent or holds something else.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadManifest(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"{path} is not JSON as a manifest is: {error}.") from error


def require_labels(path: Path, value: Any) -> dict[str, list[str]]:
    """Return `value` as image id -> names of tasks.

    Raises:
        BadManifest: it is something else, or holds no image.
    """
    if not isinstance(value, dict) or not value:
        raise BadManifest(f"{path} names no image in 'labels', which maps image ids to lists of tasks.")
    return {image: require_names(path, f"labels of {image!r}", seen) for image, seen in value.items()}


def require_names(path: Path, what: str, value: Any) -> list[str]:
    """Return `value` as names, each of them once.

    Raises:
        BadManifest: it is something else.
    """
    if not isinstance(value, list) or not all(
        isinstance(item, str) and item and item.isprintable() for item in value
    ):
        raise BadManifest(f"{path} must give the {what} as a list of printable names.")
    if len({*value}) < len(value):
        raise BadManifest(f"{path} names something twice in the {what}.")
    return value

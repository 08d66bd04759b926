"""Turn the draws of labels that others have published into manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtlbench.data.errors import BadManifest
from mtlbench.data.manifest import Manifest, read_json, require_labels, require_names

_KEPT = ("source", "license", "sha256_of_source", "note")


def import_labels(
    path: Path, columns: Sequence[str] = (), rename: Mapping[str, str] | None = None
) -> Manifest:
    """Read a published draw, in one of three forms.

    - an object with `labels` (image id -> list of tasks), `tasks`, and where it is from (`source`, ...);
    - task -> list of image ids, as `mtlbench data convert` writes the `.npy` files of MTPSL;
    - one matrix of 0 and 1, images by `columns`, alone or as the only value of an object, as it writes their
      `.pth` files; the ids are 0, 1, ...

    Args:
        path: of a file of JSON.
        columns: names of the tasks of a matrix.
        rename: name in the file -> name here, such as `{"sal": "saliency"}`.

    Raises:
        BadManifest: the file has another form, or a name to change is not in it.
    """
    content = read_json(path)
    protocol: dict[str, Any] = {"type": "published", "source": path.name}
    if isinstance(content, dict) and "labels" in content and "tasks" in content:
        labels, tasks = (
            require_labels(path, content["labels"]),
            require_names(path, "tasks", content["tasks"]),
        )
        protocol |= {key: content[key] for key in _KEPT if key in content}
    elif (matrix := _matrix(content)) is not None:
        labels, tasks = _from_matrix(path, matrix, columns), list(columns)
    else:
        labels, tasks = _from_lists(path, content)
    names = dict(rename or {})
    known = {*tasks}.union(*labels.values())
    for old in names.keys() - known:
        raise BadManifest(f"{path} has no task {old!r} to rename; it has {', '.join(sorted(known))}.")
    renamed = {task: names.get(task, task) for task in known}
    if len({*renamed.values()}) < len(renamed):
        raise BadManifest(f"{path}: two tasks would have one name; rename to names that are free.")
    if names:
        protocol["rename"] = names
    seen = {image: [renamed[task] for task in found] for image, found in labels.items()}
    return Manifest.of(seen, renamed.values(), protocol)


def _matrix(content: Any) -> list | None:
    if isinstance(content, dict) and len(content) == 1:
        (content,) = content.values()
    is_matrix = isinstance(content, list) and content and all(isinstance(row, list) for row in content)
    return content if is_matrix else None


def _from_matrix(path: Path, matrix: list, columns: Sequence[str]) -> dict[str, list[str]]:
    if any(len(row) != len(columns) or not {*row} <= {0, 1} for row in matrix):
        raise BadManifest(
            f"{path} is no matrix of 0 and 1 with {len(columns)} column(s); it has {len(matrix[0])}. Name "
            "the task of each, in order, as in `--tasks semseg,depth,normals`."
        )
    return {
        str(index): [task for task, shown in zip(columns, row, strict=True) if shown]
        for index, row in enumerate(matrix)
    }


def _from_lists(path: Path, content: Any) -> tuple[dict[str, list[str]], list[str]]:
    if not isinstance(content, dict) or not content:
        raise BadManifest(
            f"{path} is no draw of labels: it needs image id -> tasks, task -> image ids, or one matrix."
        )
    labels: dict[str, list[str]] = {}
    for task, images in content.items():
        for image in require_names(path, f"images of {task!r}", images):
            labels.setdefault(image, []).append(task)
    return labels, list(content)

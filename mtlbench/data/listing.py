"""Know which files a split consists of, and tell one set of files from another."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from mtlbench.data.errors import MissingData


def read_ids(name: str, root: Path, split_list: str) -> tuple[str, ...]:
    """Read the ids of a split, one per line of the file `split_list` below `root`.

    Args:
        name: of the dataset.
        root: its folder.
        split_list: such as `gt_sets/val.txt`.

    Raises:
        MissingData: the folder or the list is absent, or the list is empty or names an image twice.
    """
    if not root.is_dir():
        raise MissingData(
            f"There is no folder {root} with the files of {name}. Ways on: fetch them with "
            f"`mtlbench data get {name}`; name the folder that has them with `--data-root PATH`; or try "
            "everything on rendered rooms with `--demo`."
        )
    path = root / split_list
    if not path.is_file():
        raise MissingData(
            f"{path} is missing, so the images of split {path.stem!r} are unknown; {root} must be the folder "
            f"that holds {split_list.partition('/')[0]}. `mtlbench data get {name}` fetches a whole one."
        )
    ids = tuple(path.read_text(encoding="utf-8").split())
    if not ids:
        raise MissingData(f"{path} names no image; write one id per line, or fetch the data again.")
    twice = [image for image, times in Counter(ids).items() if times > 1]
    if twice:
        raise MissingData(
            f"{path} names {len(twice)} image(s) more than once, the first is {twice[0]}; remove the "
            "repetitions, or fetch the data again."
        )
    return ids


def require_files(name: str, part: str, paths: Sequence[Path]) -> None:
    """Make sure that the files of one part of a split exist, without opening them.

    Args:
        name: of the dataset.
        part: `image` or a task.
        paths: one file per image of the split list.

    Raises:
        MissingData: some do not.
    """
    there: dict[Path, set[str]] = {}
    for folder in {path.parent for path in paths}:
        there[folder] = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    missing = [path for path in paths if path.name not in there[path.parent]]
    if missing:
        raise MissingData(
            f"{missing[0].parent} lacks {len(missing)} of the {len(paths)} files that the split list names, "
            f"the first is {missing[0].name}; fetch the data again with `mtlbench data get {name}`"
            f"{'' if part == 'image' else f', or leave out the task {part}'}."
        )


def fingerprint(release: str, root: Path, paths: Iterable[Path]) -> str:
    """Hash the names and sizes of files below `root`, in the given order, absent ones included.

    Sizes stand for contents, because reading a whole dataset at each start would take minutes; `survey`
    reports a hash of contents too.
    """
    digest = hashlib.sha256(release.encode())
    for path in paths:
        size = path.stat().st_size if path.exists() else "absent"
        digest.update(f"{path.relative_to(root).as_posix()} {size}\n".encode())
    return digest.hexdigest()[:16]

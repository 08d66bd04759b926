"""Know which files the two public releases of NYUD-MT consist of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtlbench.data.errors import MissingData

FOLDERS = {
    "image": "images",
    "semseg": "segmentation",
    "depth": "depth",
    "normals": "normals",
    "edge": "edge",
}


@dataclass(frozen=True)
class Release:
    """Name a release and the suffix of each of its folders' files."""

    name: str
    suffixes: dict[str, str]

    def path(self, root: Path, part: str, name: str) -> Path:
        """Return the file of `part` (`image` or a task) of sample `name`."""
        return root / FOLDERS[part] / (name + self.suffixes[part])


MTI = Release("MTI", {"image": ".jpg", "semseg": ".png", "depth": ".npy", "normals": ".npy", "edge": ".npy"})
"""Of Vandenhende et al. (Multi-Task-Learning-PyTorch), used by the MTLoRA line."""
INVPT = Release(
    "InvPT", {"image": ".png", "semseg": ".png", "depth": ".npy", "normals": ".png", "edge": ".png"}
)
"""Of Ye and Xu (InvPT, TaskPrompter)."""


def read_ids(root: Path, split: str) -> tuple[str, ...]:
    """Read the split list.

    Raises:
        MissingData: the folder or the list is absent, or the list is empty.
    """
    if not root.is_dir():
        raise MissingData(
            f"There is no folder {root} with NYUDv2. Ways on: fetch it with `mtlbench data get nyud`; name "
            "the folder that has it with `--data-root PATH`; or try everything on rendered rooms with "
            "`--demo`."
        )
    path = root / "gt_sets" / f"{split}.txt"
    if not path.is_file():
        raise MissingData(
            f"{path} is missing, so the images of split {split!r} are unknown; {root} must be the folder "
            "that holds gt_sets/ and images/. `mtlbench data get nyud` fetches a whole one."
        )
    ids = tuple(path.read_text(encoding="utf-8").split())
    if not ids:
        raise MissingData(
            f"{path} names no image; write one id such as 0001 per line, or fetch the data again."
        )
    return ids


def detect(root: Path, name: str) -> Release:
    """Return the release by the first image of a split.

    Raises:
        MissingData: neither release has it.
    """
    for release in (MTI, INVPT):
        if release.path(root, "image", name).is_file():
            return release
    raise MissingData(
        f"{root / FOLDERS['image']} has neither {name}.jpg (MTI release) nor {name}.png (InvPT release), but "
        "the split list names it; check the folder, or fetch the data with `mtlbench data get nyud`."
    )


def require_files(root: Path, release: Release, ids: tuple[str, ...], parts: tuple[str, ...]) -> None:
    """Raise `MissingData` where the split list names files that do not exist."""
    for part in parts:
        folder = root / FOLDERS[part]
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        missing = [name for name in ids if name + release.suffixes[part] not in there]
        if missing:
            raise MissingData(
                f"{folder} lacks {len(missing)} of the {len(ids)} files that the split list names, the "
                f"first is {missing[0] + release.suffixes[part]}; fetch the data again with "
                f"`mtlbench data get nyud`{'' if part == 'image' else f', or leave out the task {part}'}."
            )

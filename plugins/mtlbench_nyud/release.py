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

"""The dataset contract: one image, the labels it has, its id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypedDict

import numpy as np


class Sample(TypedDict):
    """Hold one image with the labels that exist for it.

    `image` is uint8 (H, W, 3) RGB. `labels` maps a task name to an array of the image's own size: classes
    uint8 (H, W) with 255 = void; scalar and inverse float32 (H, W) with values <= 0 = void; vector float32
    (H, W, 3) with the zero vector = void. A label that the image lacks is absent from the mapping.
    """

    id: str
    image: np.ndarray
    labels: dict[str, np.ndarray]


class Dataset(ABC):
    """Read one split of one dataset, without augmentation.

    Constructed as `Dataset(split="train" | "val", tasks=(name, ...), **options of the config)`. Only the
    files of the asked tasks are opened. A missing root raises `MissingData` (`mtlbench.data.errors`) that
    names the path and the ways on; a bad file raises `BadSample` that names the file and the fix.
    """

    #: ids in the order of the split list; `self[i]["id"] == self.ids[i]`
    ids: tuple[str, ...]

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Read one sample."""

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a short hash of what this split holds: files or generator version, ids, options."""

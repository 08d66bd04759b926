"""The dataset contract: one image, the labels it has, its id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, TypedDict

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
    #: whether decoded samples are worth their place on disk; not if files are read as fast
    keep_decoded: ClassVar[bool] = True

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Read one sample."""

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a short hash of what this split holds: files or generator version, ids, options."""

    def files(self, index: int) -> Mapping[str, Path]:
        """Return all files that sample `index` is read from, by part (`image`, tasks, or other names).

        They may include files of tasks that were not asked for. A dataset that names files is kept decoded
        (`mtlbench.data.decoded`) until they change, unless `keep_decoded` is false; a label must then not
        depend on which other tasks are asked for. Without files, nothing is kept.
        """
        return {}

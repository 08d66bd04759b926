"""Look at a dataset as training does, and as evaluation does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from mtlbench.contracts.dataset import Dataset
from mtlbench.data.geometry import Geometric, move
from mtlbench.data.transforms import build_transforms
from mtlbench.errors import MtlbenchError

_STREAM = 1  # keeps augmentation apart from the sampler's draws of the same seed


class TrainView:
    """Yield augmented samples that show only their visible labels.

    `view[epoch, index]` depends on nothing but the seed, the epoch and the index, so neither on the number of
    workers nor on the order of access nor on where training resumed.

    Args:
        dataset: the training split.
        kinds: task -> label kind (`mtlbench.data.kinds.Kind`); labels of other tasks are dropped.
        transforms: config dicts or built transforms, in order.
        seed: of the augmentation.
        visible: image id -> tasks whose label may be seen, by `LabelProtocol.visible`; None shows all.
    """

    def __init__(
        self,
        dataset: Dataset,
        kinds: Mapping[str, str],
        transforms: Iterable[Any],
        seed: int,
        visible: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.dataset, self.kinds, self.seed, self.visible = dataset, dict(kinds), seed, visible
        self.transforms = build_transforms(transforms)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        """Return the sample `index` as epoch `epoch` sees it, for `key` = (epoch, index)."""
        epoch, index = key
        sample = self.dataset[index]
        seen = self.kinds if self.visible is None else self.visible[sample["id"]]
        labels = {
            task: label for task, label in sample["labels"].items() if task in self.kinds and task in seen
        }
        seeds = np.random.SeedSequence((self.seed, epoch, index), spawn_key=(_STREAM,))
        rng = np.random.Generator(np.random.Philox(seeds))
        return _apply(self.transforms, {**sample, "labels": labels, "kinds": self.kinds, "rng": rng})


class EvalView:
    """Yield samples whose image is transformed and whose labels stay as the dataset has them.

    `with_labels` transforms the labels too, as the evaluation mode `legacy448` of the MTLoRA line does.

    Raises:
        MtlbenchError: a transform is random.
    """

    def __init__(
        self,
        dataset: Dataset,
        kinds: Mapping[str, str],
        transforms: Iterable[Any] = (),
        with_labels: bool = False,
    ) -> None:
        self.dataset, self.kinds, self.with_labels = dataset, dict(kinds), with_labels
        self.transforms = build_transforms(transforms)
        for transform in self.transforms:
            if getattr(transform, "random", False):
                raise MtlbenchError(
                    f"{type(transform).__name__} is random and cannot be used in evaluation; "
                    "keep it in the transforms of the training split only."
                )

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return the sample `index`."""
        sample = self.dataset[index]
        labels = {task: label for task, label in sample["labels"].items() if task in self.kinds}
        if self.with_labels:
            whole = _apply(self.transforms, {**sample, "labels": labels, "kinds": self.kinds})
            whole.pop("content", None)  # the labels are padded like the image
            return whole
        shown = _apply(self.transforms, {**sample, "labels": {}, "kinds": self.kinds})
        return {**shown, "labels": labels}


def _apply(transforms: Iterable[Any], sample: dict[str, Any]) -> dict[str, Any]:
    for joined, group in groupby(transforms, _is_geometric):
        if joined:
            sample = move(sample, list(group))
            continue
        for transform in group:
            sample = transform(sample)
    sample.pop("rng", None)
    return sample


def _is_geometric(transform: Any) -> bool:
    return getattr(type(transform), "transform", None) is Geometric.transform  # not overridden

"""Change what the frame of an image holds: less of it by cropping, more than it by padding."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mtlbench.data.kinds import VOID, void_like
from mtlbench.data.transforms import TRANSFORMS, map_labels

_ATTEMPTS = 10  # of a crop, as in mmsegmentation


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """Cut out a random window of `size` (H, W), or all of a side that is shorter.

    A window in which one class of `task` has `cat_max_ratio` or more of the pixels that are not void is drawn
    anew, ten times at most. Where the sample shows no such label, the first window is taken.
    """

    random = True

    def __init__(self, size: tuple[int, int], cat_max_ratio: float = 1.0, task: str = "semseg") -> None:
        self.size = (size[0], size[1])
        self.cat_max_ratio, self.task = cat_max_ratio, task

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Cut one sample."""
        rng: np.random.Generator = sample["rng"]
        spare = [max(old - new, 0) for old, new in zip(sample["image"].shape, self.size, strict=False)]
        # all at once, so that what is drawn later depends on no label
        corners = rng.integers(0, np.add(spare, 1), (_ATTEMPTS + 1, 2))
        windows = [np.s_[top : top + self.size[0], left : left + self.size[1]] for top, left in corners]
        label = sample["labels"].get(self.task)
        if label is None or self.cat_max_ratio >= 1:
            window = windows[0]
        else:
            *tried, last = windows
            window = next((window for window in tried if self._is_mixed(label[window])), last)
        sample["image"] = sample["image"][window]
        map_labels(sample, lambda label, kind: label[window])
        return sample

    def _is_mixed(self, classes: np.ndarray) -> bool:
        counts = np.bincount(classes.ravel(), minlength=256)[: int(VOID["classes"])]
        return counts.max() < self.cat_max_ratio * counts.sum()


@TRANSFORMS.register_module()
class Pad(BaseTransform):
    """Pad with `colour` and with void to a `multiple` of pixels, or to at least `size` (H, W).

    What is added goes below and to the right, or around where `centred`. `sample["content"]` keeps where the
    image lies in the result, as (top, left, height, width); evaluation cuts predictions to it.
    """

    random = False

    def __init__(
        self,
        multiple: int = 1,
        size: tuple[int, int] = (0, 0),
        centred: bool = False,
        colour: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        self.multiple, self.size, self.centred, self.colour = multiple, size, centred, colour

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Pad one sample."""
        old = sample["image"].shape[:2]
        least = [max(sides) for sides in zip(old, self.size, strict=True)]
        size = tuple(-(-side // self.multiple) * self.multiple for side in least)
        top, left = ((new - side) // 2 if self.centred else 0 for new, side in zip(size, old, strict=True))
        inside = np.s_[top : top + old[0], left : left + old[1]]

        def pad(label: np.ndarray, kind: str) -> np.ndarray:
            padded = void_like(label, kind, size)
            padded[inside] = label
            return padded

        image = np.full((*size, 3), self.colour, np.uint8)
        image[inside] = sample["image"]
        sample["image"], sample["content"] = image, (top, left, *old)
        map_labels(sample, pad)
        return sample

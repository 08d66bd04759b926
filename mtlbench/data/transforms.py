"""Transform samples: one image together with its labels, each label according to its kind.

A transform works on a `Sample` to which a view added `kinds` (task -> label kind) and `rng` (a numpy
Generator, the only source of randomness). Sizes are (H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

from mtlbench.data.geometry import Geometric, Move, Size
from mtlbench.data.kinds import (
    rotate_image,
    rotate_label,
    zoom_values,
)

TRANSFORMS = Registry(
    "mtlbench transform",
    parent=MMENGINE_TRANSFORMS,
    scope="mtlbench",
    locations=["mtlbench.data.transforms", "mtlbench.data.framing", "mtlbench.data.photometric"],
)

LabelMap = Callable[[np.ndarray, str], np.ndarray]


def build_transforms(configs: Iterable[dict[str, Any] | BaseTransform]) -> list[BaseTransform]:
    """Build transforms from config dicts such as `dict(type="RandomFlip", p=0.5)`; keep built ones."""
    return [TRANSFORMS.build(config) if isinstance(config, dict) else config for config in configs]


def map_labels(sample: dict[str, Any], function: LabelMap) -> None:
    """Replace every label of a sample by `function(label, kind)`."""
    kinds = sample["kinds"]
    sample["labels"] = {task: function(label, kinds[task]) for task, label in sample["labels"].items()}


@TRANSFORMS.register_module()
class RandomFlip(Geometric):
    """Mirror left and right with probability `p`; vectors change the sign of x."""

    random = True

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def draw(self, size: Size, rng: np.random.Generator) -> Move | None:
        """Return whether to mirror."""
        return Move(mirrored=True) if rng.random() < self.p else None


@TRANSFORMS.register_module()
class RandomScaleCrop(Geometric):
    """Zoom in by one of `scales` (>= 1) at a random place.

    The size stays. Depth divides by the scale, inverse depth multiplies.
    """

    random = True

    def __init__(self, scales: Sequence[float] = (1.0, 1.2, 1.5)) -> None:
        if min(scales) < 1:
            raise ValueError(
                f"scales must be 1 or more, got {tuple(scales)}; RandomRotateScale also zooms out"
            )
        self.scales = tuple(scales)

    def draw(self, size: Size, rng: np.random.Generator) -> Move | None:
        """Return where to zoom in, and how far."""
        scale = self.scales[rng.integers(len(self.scales))]
        height, width = (round(side / scale) for side in size)
        top, left = rng.integers(size[0] - height + 1), rng.integers(size[1] - width + 1)
        window = np.s_[top : top + height, left : left + width]
        return Move(window=window, size=size, zoom=scale) if scale != 1 else None


@TRANSFORMS.register_module()
class RandomRotateScale(BaseTransform):
    """Rotate by up to `degrees` about the centre and zoom by a factor from `scales`, uniformly drawn.

    What comes from outside is black in the image and void in every label. Depth divides by the factor,
    inverse depth multiplies. Vectors turn in the image plane; `y_axis` says whether their y points `up` or
    `down` in the image.
    """

    random = True

    def __init__(
        self, degrees: float = 20, scales: tuple[float, float] = (0.75, 1.25), y_axis: str = "up"
    ) -> None:
        if y_axis not in ("up", "down"):
            raise ValueError(f'y_axis must be "up" or "down", got {y_axis!r}')
        self.degrees, self.y_sign = degrees, 1 if y_axis == "up" else -1
        self.smallest, self.largest = scales

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Rotate and zoom one sample."""
        rng: np.random.Generator = sample["rng"]
        degrees, scale = rng.uniform(-self.degrees, self.degrees), rng.uniform(self.smallest, self.largest)

        def rotate(label: np.ndarray, kind: str) -> np.ndarray:
            rotated = zoom_values(rotate_label(label, kind, degrees, scale), kind, scale)
            return self._turn(rotated, degrees) if kind == "vector" else rotated

        sample["image"] = rotate_image(sample["image"], degrees, scale)
        map_labels(sample, rotate)
        return sample

    def _turn(self, vectors: np.ndarray, degrees: float) -> np.ndarray:
        """Turn vectors (H, W, 3) counter-clockwise, as seen in the image."""
        angle = np.radians(degrees) * self.y_sign
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], np.float32)  # row vectors: v @ R^T
        return vectors @ turn


@TRANSFORMS.register_module()
class Resize(Geometric):
    """Resize to `size` (H, W); labels are taken from the nearest pixel."""

    random = False

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = (size[0], size[1])

    def draw(self, size: Size, rng: np.random.Generator) -> Move | None:
        """Return the asked size."""
        return Move(size=self.size) if self.size != size else None


@TRANSFORMS.register_module()
class RandomScale(Geometric):
    """Resize by a factor from `scales`, uniformly drawn; the size changes with it.

    Depth divides by the factor, inverse depth multiplies.
    """

    random = True

    def __init__(self, scales: tuple[float, float] = (0.5, 2.0)) -> None:
        self.smallest, self.largest = scales

    def draw(self, size: Size, rng: np.random.Generator) -> Move | None:
        """Return the new size."""
        scale = rng.uniform(self.smallest, self.largest)
        height, width = (max(1, int(side * scale)) for side in size)
        return Move(size=(height, width), zoom=scale)

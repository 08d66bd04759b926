"""Transform the colours of an image; labels stay as they are."""

from __future__ import annotations

from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from mtlbench.data.transforms import TRANSFORMS


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    """Change brightness, contrast and saturation by factors from [1 - x, 1 + x], and turn the hue, in random
    order.

    `hue` is the largest turn as a fraction of the colour circle, at most 0.5.
    """

    random = True

    def __init__(
        self, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0, hue: float = 0.0
    ) -> None:
        self.strength = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Change the colours of one image."""
        rng: np.random.Generator = sample["rng"]
        image = np.ascontiguousarray(sample["image"][..., ::-1])  # mmcv's colour functions take BGR
        for name in rng.permutation(list(self.strength)):
            amount = rng.uniform(-self.strength[name], self.strength[name])
            if amount:
                image = _adjust(image, name, amount)
        sample["image"] = np.ascontiguousarray(image[..., ::-1])
        return sample


def _adjust(image: np.ndarray, name: str, amount: float) -> np.ndarray:
    if name == "brightness":
        return mmcv.adjust_brightness(image, 1 + amount)
    if name == "contrast":
        return mmcv.adjust_contrast(image, 1 + amount)
    if name == "saturation":
        return mmcv.adjust_color(image, 1 + amount)
    return _turn_hue(image, amount)


def _turn_hue(image: np.ndarray, amount: float) -> np.ndarray:
    # not mmcv.adjust_hue: it fails on negative amounts under numpy 2, and its 8-bit hue wraps at 256 instead
    # of 180
    hsv = mmcv.bgr2hsv(image.astype(np.float32) / 255)
    hsv[..., 0] = (hsv[..., 0] + 360 * amount) % 360
    return np.rint(mmcv.hsv2bgr(hsv) * 255).clip(0, 255).astype(np.uint8)

"""Transform the colours of an image; labels stay as they are."""

from __future__ import annotations

from typing import Any

import cv2
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


@TRANSFORMS.register_module()
class PhotoMetricDistortion(BaseTransform):
    """Add to the brightness, multiply contrast and saturation, turn the hue; each with probability 0.5.

    As mmsegmentation, after SSD (Liu et al., ECCV 2016). Contrast comes second or last, with equal chances.
    Values are clipped to 0..255 after each change, but rounded once, at the end.

    Args:
        brightness_delta: largest change, of 255.
        contrast_range, saturation_range: smallest and largest factor.
        hue_delta: largest turn, in steps of 2 degrees.
    """

    random = True

    def __init__(
        self,
        brightness_delta: float = 32,
        contrast_range: tuple[float, float] = (0.5, 1.5),
        saturation_range: tuple[float, float] = (0.5, 1.5),
        hue_delta: int = 18,
    ) -> None:
        self.brightness_delta, self.hue_delta = brightness_delta, hue_delta
        self.contrast_range, self.saturation_range = contrast_range, saturation_range

    def transform(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Change the colours of one image."""
        rng: np.random.Generator = sample["rng"]
        brightens, contrasts, saturates, turns, early = rng.random(5) < 0.5
        delta = rng.uniform(-self.brightness_delta, self.brightness_delta)
        contrast = rng.uniform(*self.contrast_range) if contrasts else 1.0
        saturation = rng.uniform(*self.saturation_range) if saturates else 1.0
        degrees = 2 * int(rng.integers(-self.hue_delta, self.hue_delta)) if turns else 0
        image = sample["image"].astype(np.float32)
        if brightens:
            image = (image + delta).clip(0, 255)
        if early:
            image = (image * contrast).clip(0, 255)
        if saturates or turns:
            image = _change_hsv(image / 255, degrees, saturation) * 255
        if not early:
            image = (image * contrast).clip(0, 255)
        sample["image"] = np.rint(image).astype(np.uint8)
        return sample


def _change_hsv(image: np.ndarray, degrees: float, saturation: float) -> np.ndarray:
    """Turn the hue of RGB (H, W, 3) in [0, 1], float32, and multiply its saturation."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + degrees) % 360
    hsv[..., 1] = (hsv[..., 1] * saturation).clip(0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


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

"""Tiny networks of every supported family, their drivers, and what timm itself makes of an image."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from mtlbench_timm.swin import Swin
from mtlbench_timm.vit import Vit

from timm.models.eva import Eva  # isort: skip  # the plugin makes torchvision importable first
from timm.models.swin_transformer import SwinTransformer  # isort: skip
from timm.models.vision_transformer import VisionTransformer  # isort: skip

_PLAIN = {"embed_dim": 32, "depth": 5, "num_heads": 2, "num_classes": 0, "dynamic_img_size": True}
_ROTARY = {"use_rot_pos_emb": True, "init_values": 0.5, "use_fc_norm": False}
_FAMILIES = {
    "swin": lambda size: SwinTransformer(
        img_size=size,
        embed_dim=24,
        depths=(2, 2, 2, 2),
        num_heads=(1, 2, 4, 8),
        window_size=4,
        strict_img_size=False,
        num_classes=0,
        drop_path_rate=0.0,
    ),
    "vit": lambda size: VisionTransformer(img_size=size, **_PLAIN),
    "dinov2": lambda size: VisionTransformer(
        img_size=size, patch_size=8, init_values=0.5, reg_tokens=4, no_embed_class=True, **_PLAIN
    ),
    "qk_norm": lambda size: VisionTransformer(
        img_size=size, qk_norm=True, class_token=False, **_PLAIN | {"global_pool": "avg"}
    ),
    "dinov3": lambda size: Eva(
        img_size=size,
        rope_type="dinov3",
        rope_temperature=100,
        rope_rotate_half=True,
        use_abs_pos_emb=False,
        num_reg_tokens=4,
        **_PLAIN,
        **_ROTARY,
    ),
    "eva_swiglu": lambda size: Eva(img_size=size, swiglu_mlp=True, **_PLAIN, **_ROTARY),
    "vit_rope": lambda size: Eva(img_size=size, attn_type="rope", **_PLAIN, **_ROTARY),
}


@dataclass
class Pair:
    """Hold a timm network and a driver of a copy of it; both in evaluation mode."""

    net: nn.Module
    driver: Swin | Vit

    @property
    def ends(self) -> list[nn.Module]:
        """Return timm's last block of every stage, or of every quarter of a plain transformer."""
        if isinstance(self.driver, Swin):
            return [stage.blocks[-1] for stage in self.net.layers]
        return [self.net.blocks[index] for index in (0, 1, 3, 4)]

    def reference(self, image: Tensor) -> list[Tensor]:
        """Return what timm computes: four levels (B, C, h, w), through the pyramid of a plain transformer."""
        if isinstance(self.driver, Swin):
            return self.net.forward_intermediates(image, intermediates_only=True)
        maps = self.net.forward_intermediates(image, indices=[0, 1, 3, 4], intermediates_only=True)
        levels = self.driver.pyramid([m.permute(0, 2, 3, 1)[None] for m in maps], image.shape[-2:])
        return [level[0] for level in levels]


@pytest.fixture(params=list(_FAMILIES))
def family(request) -> str:
    """Name one family; a test that asks for it runs for all."""
    return request.param


@pytest.fixture
def pair() -> Callable[..., Pair]:
    """Return a function that builds a pair of one family, with parameters large enough to matter."""

    def build(family: str, size: tuple[int, int] = (64, 96), **options) -> Pair:
        torch.manual_seed(0)
        net = _FAMILIES[family](size).eval()
        for name, parameter in net.named_parameters():
            if parameter.ndim == 1 or "relative_position_bias" in name or "token" in name:
                nn.init.normal_(parameter, std=0.5)
        driver = (
            Swin(copy.deepcopy(net), **{"features": "stage"} | options)
            if family == "swin"
            else Vit(copy.deepcopy(net), **options)
        )
        return Pair(net, driver.eval())

    return build

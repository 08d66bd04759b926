"""Build any supported timm model as a backbone."""

from __future__ import annotations

import torch
from torch import nn

from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.compat import import_torchvision
from mtlbench.errors import did_you_mean
from mtlbench_timm import weights as pretrained_weights
from mtlbench_timm.driver import Driver
from mtlbench_timm.errors import BadImageSize, BadOption, UnknownModel
from mtlbench_timm.swin import Swin
from mtlbench_timm.vit import Vit

import_torchvision()

import timm  # noqa: E402
from timm.models.eva import Eva  # noqa: E402
from timm.models.swin_transformer import SwinTransformer  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

_SUPPORTED = (
    "Swin (swin_*), plain vision transformers (vit_*, deit_*, deit3_*, *_dinov2) and DINOv3 (*_dinov3)"
)


class Timm(Backbone):
    """Build the driver (`Swin` or `Vit`) of one timm model, with its pretrained weights.

    `Timm(...)` returns that driver, whose weights sit where adapters expect them.

    Args:
        name: a model of `timm.list_models()`, with or without a tag of weights (`name.tag`).
        pretrained: load weights, from `weights` or, where that is None, from the hub that timm names.
        weights: a `.safetensors` or `.pth` file of this model; reading it executes nothing.
        image_size: (H, W) in pixels that windows and position embeddings are set up for; timm's own by
            default. A Swin then takes any size; a ViT any whole number of patches.
        features: Swin only: "merged" (default) or "stage", see `Swin`.
        drop_path: rate of stochastic depth of the last block, rising linearly from 0.

    Raises:
        UnknownModel: timm does not know the name, or no driver runs its kind.
        BadImageSize: the image is not a whole number of a ViT's patches.
        BadOption: `features` for a model without patch merging, or unknown.
        WeightsUnavailable, BadWeights: see `mtlbench_timm.weights`.
    """

    def __new__(
        cls,
        name: str = "swin_tiny_patch4_window7_224",
        pretrained: bool = True,
        weights: str | None = None,
        image_size: tuple[int, int] | None = None,
        features: str | None = None,
        drop_path: float = 0.0,
    ) -> Driver:
        """Return the driver."""
        kind, patch = _kind(name)
        config = timm.get_pretrained_cfg(name)
        height, width = image_size or config.input_size[1:]
        if kind is SwinTransformer:
            height, width = height + -height % patch[0], width + -width % patch[1]
        elif features is not None:
            raise BadOption(f'"{name}" has no patch merging; leave `backbone.features` out.')
        elif height % patch[0] or width % patch[1]:
            raise BadImageSize(
                f'"{name}" needs images of whole {patch[0]}x{patch[1]} patches, not {height}x{width}; set, '
                f"say, `backbone.image_size` to ({height - height % patch[0]}, {width - width % patch[1]})."
            )
        net = timm.create_model(name, num_classes=0, img_size=(height, width), drop_path_rate=0.0)
        about = {"mean": config.mean, "std": config.std}
        if pretrained:
            source = weights or pretrained_weights.fetch(name, config.hf_hub_id, config.hf_hub_filename)
            state = pretrained_weights.read(source)
            about["fingerprint"] = pretrained_weights.load(net, state, str(source))
        if kind is SwinTransformer:
            return Swin(net, features=features or "merged", drop_path=drop_path, **about)
        return Vit(net, drop_path=drop_path, **about)


def _kind(name: str) -> tuple[type[nn.Module], tuple[int, int]]:
    """Return the class and the patch size of a model, without allocating it."""
    if not timm.is_model(name):
        known = timm.list_models()
        raise UnknownModel(
            f'timm {timm.__version__} has no model "{name}".{did_you_mean(name, known)} '
            "`timm.list_models()` lists them; supported are " + _SUPPORTED + "."
        )
    with torch.device("meta"):
        net = timm.create_model(name, num_classes=0)
    for kind in (SwinTransformer, VisionTransformer, Eva):
        if type(net) is kind:
            return kind, net.patch_embed.patch_size
    kind = type(net).__name__
    raise UnknownModel(f'"{name}" is a {kind}, which no driver runs; supported are {_SUPPORTED}.')

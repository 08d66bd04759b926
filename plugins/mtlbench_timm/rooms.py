"""Offer the small Swin that ships with the bench."""

from __future__ import annotations

from pathlib import Path

from mtlbench.engine.compat import import_torchvision
from mtlbench_timm import weights as pretrained_weights
from mtlbench_timm.errors import WeightsUnavailable
from mtlbench_timm.swin import Swin

import_torchvision()

from timm.models.swin_transformer import SwinTransformer  # noqa: E402

#: where the packaged weights lie
WEIGHTS = Path(__file__).with_name("rooms_swin.safetensors")


class RoomsSwin(Swin):
    """Encode images with a Swin of width 32 and depths 2-2-4-2, pretrained on synthetic rooms.

    Its windows of 6x8 tokens tile the maps of a 96x128 image without padding; other sizes are padded. Levels
    have channels (32, 64, 128, 256) at strides (4, 8, 16, 32) with `features="stage"`.

    Args:
        pretrained: load the packaged weights, or those of `weights`.
        weights: another file of weights of this network, see `mtlbench_timm.export`.
        features: "stage" or "merged", see `Swin`.
        drop_path: rate of stochastic depth of the last block, rising linearly from 0.

    Raises:
        WeightsUnavailable, BadWeights: see `mtlbench_timm.weights`.
    """

    def __init__(
        self,
        pretrained: bool = True,
        weights: str | None = None,
        features: str = "stage",
        drop_path: float = 0.0,
    ) -> None:
        net = SwinTransformer(
            img_size=(96, 128),
            embed_dim=32,
            depths=(2, 2, 4, 2),
            num_heads=(1, 2, 4, 8),
            window_size=(6, 8),
            num_classes=0,
            drop_path_rate=0.0,
        )
        fingerprint = "random"
        if pretrained:
            source = Path(weights or WEIGHTS)
            if source == WEIGHTS and not WEIGHTS.is_file():
                raise WeightsUnavailable(
                    "This installation lacks the packaged weights of rooms-swin; install a release, or set "
                    "`backbone.weights=PATH` or `backbone.pretrained=False`."
                )
            fingerprint = pretrained_weights.load(net, pretrained_weights.read(source), str(source))
        super().__init__(net, features=features, drop_path=drop_path, fingerprint=fingerprint)

"""Offer pretrained transformers of timm, and a small one that ships with the bench, as backbones."""

from mtlbench.plugin import Backbone, hookimpl


@hookimpl
def mtlbench_backbones():
    """Offer `timm` and `rooms-swin`."""
    return [
        Backbone(
            name="timm",
            target="mtlbench_timm.backbone:Timm",
            summary="Swin, ViT, DeiT, DINOv2, DINOv3 and their kin, with timm's pretrained weights.",
            reference="https://github.com/huggingface/pytorch-image-models",
        ),
        Backbone(
            name="rooms-swin",
            target="mtlbench_timm.rooms:RoomsSwin",
            summary="A small Swin pretrained on synthetic rooms; its weights ship with the bench.",
            reference="Liu et al., ICCV 2021",
        ),
    ]

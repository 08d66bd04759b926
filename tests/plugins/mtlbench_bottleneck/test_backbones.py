"""Adapters on the backbones that ship: published counts, the pretrained function, gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_bottleneck.compacter import Compacter, CompacterPlusPlus
from mtlbench_bottleneck.houlsby import Houlsby
from mtlbench_bottleneck.low_rank import LowRankAdapter
from mtlbench_bottleneck.parallel import ParallelAdapter
from mtlbench_bottleneck.phm import PHM
from mtlbench_timm.backbone import Timm

TASKS = ("semseg", "human_parts", "saliency", "normals")
SWIN = "swin_tiny_patch4_window7_224"
#: the sum of C over the 12 blocks of Swin-T, and that of C²
C, CC = 4_416, 2_156_544
SHARED = {"sharing": "shared"}

ROWS = [
    (Houlsby, {}, 8_688_000),
    (Houlsby, SHARED, CC + 3 * C // 2 + 2 * C),
    (Houlsby, SHARED | {"trains": ("norm",)}, 2_172_000 + 23_040),
    (Houlsby, {"norm": False, "places": ("attn", "mlp"), "reduction": 4}, 4 * 2 * (CC // 2 + 5 * C // 4)),
    (ParallelAdapter, {}, 4 * (CC + 3 * C // 2)),
    (ParallelAdapter, SHARED | {"learns_scale": True}, CC + 3 * C // 2 + 12),
    (LowRankAdapter, {}, 337_824),
    (LowRankAdapter, SHARED | {"rank": 5}, 337_824 // 4 + 2 * 2 * (C + C // 16)),
    (PHM, {}, 590_528),
    (PHM, SHARED | {"rule": "layers"}, 590_528 // 4 - (2 * 2 * 12 - 1) * 4**3),
    (Compacter, {}, 229_696),
    (Compacter, {"rule": "layers"}, 229_696 + 3 * 4**3),
    (CompacterPlusPlus, {}, 114_880),
    (CompacterPlusPlus, SHARED, 114_816 // 4 + 4**3),
]


@pytest.mark.parametrize("kind, options, published", ROWS)
def test_counts_on_swin_t(kind, options, published):
    backbone = Timm(SWIN, pretrained=False, image_size=(224, 224))
    attach(kind(TASKS, **options), backbone)
    assert sum(p.numel() for p in backbone.parameters() if p.requires_grad) == published


@pytest.mark.parametrize(
    "kind", [Houlsby, ParallelAdapter, LowRankAdapter, PHM, Compacter, CompacterPlusPlus]
)
@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", SWIN])
@pytest.mark.parametrize("sharing", ["per-task", "shared"])
def test_starts_pretrained_and_trains_everything(name, kind, sharing):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = backbone(image)
    attach(kind(TASKS[:2], sharing=sharing), backbone)
    streams = 1 if sharing == "shared" else 2
    for ours, frozen in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand(streams, *frozen.shape[1:]), rtol=1e-5, atol=1e-5)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]

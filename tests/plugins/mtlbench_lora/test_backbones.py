"""The adapters on the backbones that ship: published counts, and gradients to everything."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_lora.adapter import DoRA, LoRA
from mtlbench_timm.backbone import Timm

PASCAL = ("semseg", "human_parts", "saliency", "normals")


def counted(adapter, size=224):
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(size, size))
    attach(adapter, backbone)
    return sum(p.numel() for p in backbone.parameters() if p.requires_grad)


def test_the_published_row_is_rank_one_for_query_key_value_and_the_rest_per_task():
    row = LoRA(PASCAL, rank=1, sharing="per-task", split_qkv=True, trains=())
    assert counted(row) == 317_952 == 4 * 79_488


@pytest.mark.parametrize(
    "adapter, count",
    [
        (LoRA(PASCAL), 16 * 70_656 + 51_258),
        (LoRA(PASCAL, split_qkv=True), 16 * 79_488 + 51_258),
        (DoRA(PASCAL), 16 * 70_656 + 39_744 + 51_258),
        (DoRA(PASCAL, sharing="per-task", trains=()), 4 * (16 * 70_656 + 39_744)),
    ],
)
def test_other_counts_of_the_pages(adapter, count):
    assert counted(adapter) == count


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
@pytest.mark.parametrize("kind", [LoRA, DoRA])
@pytest.mark.parametrize("sharing, streams", [("shared", 1), ("per-task", 2)])
def test_starts_pretrained_and_gradients_reach_everything(name, kind, sharing, streams):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    attach(kind(("semseg", "depth"), rank=2, sharing=sharing, split_qkv=True), backbone)
    for ours, frozen in zip(backbone(image), expected, strict=True):
        assert ours.shape[0] == streams
        torch.testing.assert_close(ours, frozen.expand_as(ours), rtol=1e-4, atol=1e-4)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]

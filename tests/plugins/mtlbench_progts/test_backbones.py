"""The adapter on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_progts.adapter import ProgTS
from mtlbench_timm.backbone import Timm

TASKS = ("human_parts", "normals", "saliency", "semseg")
PAIRS = [["human_parts", "semseg"], ["normals", "saliency"]]


@pytest.mark.parametrize(
    "name, options",
    [
        ("vit_tiny_patch16_224", {}),
        ("swin_tiny_patch4_window7_224", {"features": "merged"}),
        ("swin_tiny_patch4_window7_224", {"features": "stage"}),
    ],
)
def test_streams_part_stage_by_stage(name, options):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=(64, 64), **options).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    attach(ProgTS(TASKS, groups=("shared", PAIRS, PAIRS, "alone"), rank=2), backbone)
    levels = backbone(image)
    assert [len(level) for level in levels] == [1, 4, 4, 4]
    for ours, frozen in zip(levels, expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand_as(ours), rtol=1e-5, atol=1e-5)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    levels = backbone(image)
    assert torch.equal(levels[1][0], levels[1][3]) and not torch.equal(levels[1][0], levels[1][1])
    assert not torch.equal(levels[3][0], levels[3][3])
    sum((level * torch.randn_like(level)).sum() for level in levels).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]


def test_counts_on_swin_t():
    # per unit of rank and group: 16 w per block, 6 w per reduction; published numbers name no such detail
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    attach(ProgTS(TASKS, groups=("shared", "shared", PAIRS, "alone"), rank=16), backbone)
    blocks = 16 * (1 * 2 * 96 + 1 * 2 * 192 + 2 * 6 * 384 + 4 * 2 * 768)
    reductions = 6 * (1 * 96 + 1 * 192 + 2 * 384)
    small = 4_896 + 23_040 + 23_322
    trained = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    assert trained == 16 * (blocks + reductions) + small == 3_052_602

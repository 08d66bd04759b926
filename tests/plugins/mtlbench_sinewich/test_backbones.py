"""The adapter on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_sinewich.adapter import Sinewich
from mtlbench_timm.backbone import Timm

NAMES = {"vit": "vit_tiny_patch16_224", "swin": "swin_tiny_patch4_window7_224"}
TASKS = ("semseg", "human_parts", "saliency", "normals")


@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_starts_pretrained_and_everything_gets_a_gradient(name, prompt):
    torch.manual_seed(0)
    backbone = Timm(NAMES[name], pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    attach(Sinewich(TASKS[:2], rank=4, prompt=prompt), backbone)
    for ours, frozen in zip(backbone(image), expected, strict=True):
        same = torch.allclose(ours, frozen.expand(2, *frozen.shape[1:]), rtol=1e-4, atol=1e-4)
        assert same != prompt
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("rank", [32, 64])
def test_counts_on_swin_t(rank):
    """Rank times the sum of inputs and outputs, tokens of width 96, w, s and c; then norms and the like."""
    backbone = Timm(NAMES["swin"], pretrained=False, image_size=(224, 224))
    injected = attach(Sinewich(TASKS, rank=rank), backbone)
    counts = {id(p): p.numel() for p in backbone.parameters() if p.requires_grad}
    assert sum(counts[key] for key in injected) == rank * 70_656 + 4 * 96 + 96 + 2
    assert sum(counts.values()) == {32: 2_312_732, 64: 4_573_724}[rank]

"""The adapter on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_ditask.adapter import DiTASK
from mtlbench_timm.backbone import Timm

TASKS = ("semseg", "depth")


@pytest.mark.parametrize(
    "name",
    ["vit_tiny_patch16_224", pytest.param("swin_tiny_patch4_window7_224", marks=pytest.mark.slow)],
)
def test_starts_pretrained_and_everything_gets_a_gradient(name):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    attach(DiTASK(TASKS), backbone)
    for ours, frozen in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand(2, *frozen.shape[1:]), rtol=1e-4, atol=1e-4)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]

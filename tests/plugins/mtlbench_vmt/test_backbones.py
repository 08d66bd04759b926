"""The adapters on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_timm.backbone import Timm
from mtlbench_vmt.adapter import VMTAdapter, VMTAdapterLite

TASKS = ("semseg", "depth")


@pytest.mark.parametrize("make", [VMTAdapter, VMTAdapterLite])
@pytest.mark.parametrize("network", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_starts_pretrained_and_trains_everything(make, network):
    torch.manual_seed(0)
    backbone = Timm(network, pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    attach(make(TASKS, bottleneck=4), backbone)
    for ours, frozen in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand(2, *frozen.shape[1:]), rtol=1e-5, atol=1e-5)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]

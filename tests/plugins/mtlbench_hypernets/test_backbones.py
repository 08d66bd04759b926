"""The adapters on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_hypernets.hyperformer import HyperFormer
from mtlbench_hypernets.polyhistor import Polyhistor, PolyhistorLite
from mtlbench_timm.backbone import Timm

TASKS = ("semseg", "depth")
ADAPTERS = {
    "hyperformer": lambda: HyperFormer(TASKS, embedding=4, reduction_factor=8),
    "hyperformer per shape": lambda: HyperFormer(
        TASKS, embedding=4, reduction_factor=8, hypernetworks="shape", roles=("proj", "fc2")
    ),
    "polyhistor": lambda: Polyhistor(TASKS, embedding=4, rank=2),
    "polyhistor-lite": lambda: PolyhistorLite(TASKS, embedding=4, rank=2, template=96),
}


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("network", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_starts_pretrained_and_trains_everything(name, network):
    torch.manual_seed(0)
    backbone = Timm(network, pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    attach(ADAPTERS[name](), backbone)
    for ours, frozen in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand(2, *frozen.shape[1:]), rtol=1e-5, atol=1e-5)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]

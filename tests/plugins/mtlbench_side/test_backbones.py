"""The adapter on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_side.adapter import SideBranch
from mtlbench_timm.backbone import Timm

TASKS = ("human_parts", "normals", "saliency", "semseg")


@pytest.mark.parametrize(
    "name, options",
    [
        ("vit_tiny_patch16_224", {}),
        ("swin_tiny_patch4_window7_224", {"features": "merged"}),
        ("swin_tiny_patch4_window7_224", {"features": "stage"}),
    ],
)
@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_only_what_stands_behind_the_trunk_trains(name, options, size):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=size, **options).eval()
    image = torch.randn(1, 3, *size)
    expected = [level.detach() for level in backbone(image)]
    attach(SideBranch(TASKS, bottleneck=8), backbone)
    for ours, frozen in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand(4, *frozen.shape[1:]), rtol=1e-5, atol=1e-5)
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    assert {name.partition(".")[0] for name in trainables} <= {"side", "pyramid"}
    scatter(trainables)
    outputs = []
    for site in backbone.sites():
        if site.role in ("attn", "mlp"):
            backbone.get_submodule(site.path).register_forward_hook(lambda _, __, y: outputs.append(y))
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]
    assert len(outputs) == 24 and not any(output.requires_grad for output in outputs)


def test_counts_on_swin_t():
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    attach(SideBranch(TASKS), backbone)
    width, tasks, channels, hidden = 64, 4, 192 + 384 + 768 + 768, 4 * 16
    down = width * channels + 4 * width
    spatial = 8 * 10 * width
    pointwise = 4 * (1 + tasks) * width**2
    experts = tasks * 4 * width + 2 * hidden * width + hidden
    up = tasks * channels * width
    trained = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    assert trained == down + spatial + pointwise + experts + up == 772_416

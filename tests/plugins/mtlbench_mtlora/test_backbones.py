"""The adapter on the backbones that ship: pretrained function at the start, then gradients everywhere."""

import pytest
import torch

from mtlbench.engine.freezing import attach
from mtlbench.testing.adapter_contract import scatter
from mtlbench_mtlora.adapter import MTLoRA
from mtlbench_timm.backbone import Timm

TASKS = ("semseg", "depth")


@pytest.mark.parametrize("mode", ["matrix", "matrixv2", "addition"])
@pytest.mark.parametrize("name, ends", [("vit_tiny_patch16_224", (2, 5, 8, 11)), ("swin_tiny", (1, 1, 5, 1))])
def test_tasks_part_in_the_last_block_of_each_stage(name, ends, mode):
    torch.manual_seed(0)
    name = {"swin_tiny": "swin_tiny_patch4_window7_224"}.get(name, name)
    backbone = Timm(name, pretrained=False, image_size=(64, 64)).eval()
    image = torch.randn(1, 3, 64, 64)
    expected = [level.detach() for level in backbone(image)]
    adapter = MTLoRA(TASKS, rank=4, task_rank=2, shared_mode=mode, plus=True)
    attach(adapter, backbone)
    levels = backbone(image)
    for ours, frozen in zip(levels, expected, strict=True):
        torch.testing.assert_close(ours, frozen.expand(2, *frozen.shape[1:]), rtol=1e-5, atol=1e-5)
    blocks = [
        f"blocks.{end}" if name.startswith("vit") else f"layers.{s}.blocks.{end}"
        for s, end in enumerate(ends)
    ]
    with_tasks = {path for path, ranks in adapter.rank_map().items() if "depth" in ranks}
    assert with_tasks == {f"{b}.{part}" for b in blocks for part in ("attn.proj", "mlp.fc1", "mlp.fc2")}
    trainables = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    scatter(trainables)
    sum((level * torch.randn_like(level)).sum() for level in backbone(image)).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]

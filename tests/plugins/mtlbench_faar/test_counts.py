"""The published parameter counts on Swin-T with four PASCAL tasks."""

import copy

from torch import nn

from mtlbench.testing.adapter_contract import attached
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_faar.adapter import FAAR


class Sides(TinyBackbone):
    """Have the locations of Swin-T with their true sizes, without data and without the rest."""

    def __init__(self):
        super().__init__(width=1, heads=1)
        depths, width = (2, 2, 6, 2), 96
        for s, (stage, depth) in enumerate(zip(self.stages, depths, strict=True)):
            w = width * 2**s
            stage.blocks = nn.ModuleList(copy.deepcopy(stage.blocks[0]) for _ in range(depth))
            for block in stage.blocks:
                block.attn.qkv, block.attn.proj = shape(w, 3 * w), shape(w, w)
                block.mlp.fc1, block.mlp.fc2 = shape(w, 4 * w), shape(4 * w, w)
            if s < 3:
                stage.merging.reduction = shape(4 * w, 2 * w)


def shape(inputs, outputs):
    return nn.Linear(inputs, outputs, device="meta")


def count_on_swin_t(rank, variant="dora"):
    tasks = ("semseg", "human_parts", "saliency", "normals")
    _, trainables = attached(FAAR(tasks, variant=variant, rank=rank, trains=()), Sides())
    return sum(p.numel() for p in trainables.values())


def test_counts_are_the_published_ones_less_the_dead_update():
    decoder = 1_946_624 + 19_520  # HRNet-style heads and what TS-PD adds
    norms_patches_positions = 23_040 + 4_896 + 23_322
    dead = (3072 + 768) * 32 + 768
    assert count_on_swin_t(32) + dead + norms_patches_positions + decoder == 6_694_906


def test_counts_grow_by_the_published_slope():
    assert count_on_swin_t(9) - count_on_swin_t(8) + 3072 + 768 == 143_808
    assert count_on_swin_t(8) - count_on_swin_t(8, "lora") + 768 == 75_648

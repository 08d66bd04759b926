import pytest
import torch
from torch import nn

from mtlbench.testing.adapter_contract import TASKS, AdapterContract, attached, images, scatter
from mtlbench_lora.adapter import LoRA, LoRALinear


class TestLoRA(AdapterContract):
    def make(self, tasks):
        return LoRA(tasks, rank=4, alpha=8.0)


class TestLoRAWithDropoutOnReductions(AdapterContract):
    def make(self, tasks):
        return LoRA(tasks, rank=2, dropout=0.1, roles=("qkv", "reduction"), trains=())


@pytest.mark.parametrize("shape", [(1, 2, 5, 12), (4, 2, 3, 5, 12)])
def test_merges_exactly_into_the_frozen_weight(shape):
    layer = LoRALinear(nn.Linear(12, 20).double(), rank=3, scale=1.5, dropout=0.2).double().eval()
    scatter(dict(layer.named_parameters()))
    dense = layer.frozen.weight + 1.5 * layer.B @ layer.A
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x @ dense.T + layer.frozen.bias, rtol=1e-12, atol=1e-12)


def test_backbone_of_merged_weights_is_equal():
    adapter = LoRA(TASKS, rank=4, alpha=2.0)
    backbone, trainables = attached(adapter)
    scatter(trainables)
    backbone.double().eval()
    adapted = backbone(images().double())
    for path in adapter.rank_map():
        layer = backbone.get_submodule(path)
        layer.frozen.weight.data += 0.5 * layer.B.data @ layer.A.data
        backbone.set_submodule(path, layer.frozen)
    for ours, merged in zip(adapted, backbone(images().double()), strict=True):
        torch.testing.assert_close(ours, merged, rtol=1e-10, atol=1e-10)


def test_counts_rank_times_the_sides_of_every_location():
    # width w: qkv 4w, proj 2w, fc1 5w, fc2 5w per unit of rank; two blocks of widths 8, 16, 32, 64
    _, trainables = attached(LoRA(TASKS, rank=4, trains=()))
    assert sum(p.numel() for p in trainables.values()) == 4 * 16 * 2 * (8 + 16 + 32 + 64)


def test_trains_the_roles_it_is_told():
    _, trainables = attached(LoRA(TASKS, rank=1, trains=("rel_pos_bias",)))
    own = {name for name in trainables if not name.endswith((".A", ".B"))}
    assert own == {f"stages.{s}.blocks.{b}.attn.rel_pos_bias" for s in range(4) for b in range(2)}


def test_drops_only_in_training():
    layer = LoRALinear(nn.Linear(12, 20), rank=3, scale=1.0, dropout=0.5)
    scatter(dict(layer.named_parameters()))
    x = torch.randn(1, 2, 5, 12)
    assert not torch.equal(layer(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))

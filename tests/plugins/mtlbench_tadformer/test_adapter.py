import pytest
import torch

from mtlbench.contracts.backbone import Attention
from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_tadformer.adapter import FILTERS, TADFormer
from mtlbench_timm.backbone import Timm

PASCAL = ("semseg", "human_parts", "saliency", "normals")
PUBLISHED = {
    ("static", 16): 3_532_350,
    ("static", 32): 4_670_526,
    ("static", 64): 6_946_878,
    ("dynamic", 16): 3_557_502,
    ("dynamic", 32): 4_776_126,
    ("dynamic", 64): 7_379_262,
}


@pytest.mark.parametrize("filter, rank", PUBLISHED)
def test_counts_are_the_published_ones_less_the_dead_norms(filter, rank):
    with torch.device("meta"):
        backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
        _, trainables = attached(TADFormer(PASCAL, rank=rank, filter=filter), backbone)
    decoder = 1_946_624
    dead = sum(
        2 * width * (depth - 1) for width, depth in zip((96, 192, 384, 768), (2, 2, 6, 2), strict=True)
    )
    assert dead == 5_952
    assert sum(p.numel() for p in trainables.values()) + dead + decoder == PUBLISHED[filter, rank]


@pytest.mark.parametrize("filter", FILTERS)
@torch.no_grad()
def test_starts_pretrained_but_for_prompts_and_gates(filter, monkeypatch):
    """No patch sees a prompt, and no task reads what a prompt weighed."""
    torch.manual_seed(0)
    backbone, trainables = attached(TADFormer(TASKS, rank=4, filter=filter))
    expected = TinyBackbone().eval()(images())
    first = backbone.eval()(images())
    for module in list(backbone.modules()):
        if isinstance(module, Attention):
            monkeypatch.setattr(module, "mix", blind(module.mix))
    for name, parameter in trainables.items():
        if name.endswith("gate"):
            parameter.fill_(-100.0)
    for begun, now, frozen in zip(first, backbone(images()), expected, strict=True):
        assert not torch.allclose(begun, frozen.expand_as(begun), atol=1e-2)
        torch.testing.assert_close(now, frozen.expand_as(now), rtol=1e-5, atol=1e-5)


def blind(mix):
    """Attend among patches alone, and give prompts nothing."""

    def mixed(qkv, extra=0):
        patches = mix(qkv[..., extra:, :])
        return torch.cat([torch.zeros_like(patches[..., :1, :]).expand(*[-1] * 3, extra, -1), patches], 3)

    return mixed


def test_prompts_are_widened_where_stages_widen():
    tiny, _ = attached(TADFormer(TASKS, rank=2))
    assert [tuple(p.shape) for p in tiny.tokens.parameters()] == [(3, 8), (16, 8), (32, 16), (64, 32)]
    vit = Timm("vit_tiny_patch16_224", pretrained=False, image_size=(32, 32))
    vit, _ = attached(TADFormer(TASKS, rank=2), vit)
    assert [tuple(p.shape) for p in vit.tokens.parameters()] == [(3, 192)]


def test_filters_stand_at_the_end_of_stages_alone():
    adapter = TADFormer(TASKS, rank=2)
    backbone, _ = attached(adapter)
    filters = {name for name, _ in backbone.named_modules() if name.endswith(".filter")}
    places = ("attn.proj", "mlp.fc1", "mlp.fc2")
    assert filters == {f"stages.{s}.blocks.1.frozen.{place}.filter" for s in range(4) for place in places}
    assert adapter.rank_map() == {
        f"stages.{s}.blocks.{b}.{place}": {"shared": 2}
        for s in range(4)
        for b in range(2)
        for place in ("attn.qkv", *places)
    }


def test_the_next_stage_reads_the_shared_stream_alone():
    backbone, trainables = attached(TADFormer(TASKS, rank=2, filter="static"))
    scatter(trainables)
    before = backbone.eval()(images())
    with torch.no_grad():
        for name, parameter in trainables.items():
            if name.startswith("stages.0.") and (".filter." in name or name.endswith("gate")):
                parameter += 1.0
    after = backbone(images())
    assert not torch.allclose(before[0], after[0])
    for a, b in zip(before[1:], after[1:], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "name, size", [("vit_tiny_patch16_224", (64, 96)), ("swin_tiny_patch4_window7_224", (64, 96))]
)
@pytest.mark.parametrize("filter", FILTERS)
def test_gradients_reach_everything_in_backbones_that_ship(name, size, filter):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=size)
    backbone, trainables = attached(TADFormer(TASKS[:2], rank=4, filter=filter), backbone)
    scatter(trainables)
    levels = backbone.train()(images(2, size))
    assert [level.shape[:3] for level in levels] == [(2, 2, width) for width in backbone.channels]
    sum((level * torch.randn_like(level)).sum() for level in levels).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]


def test_a_wrong_filter_is_named():
    with pytest.raises(
        MtlbenchError, match="no filter 'dynamc': choose one of dynamic, static.*Did you mean"
    ):
        TADFormer(TASKS, filter="dynamc")

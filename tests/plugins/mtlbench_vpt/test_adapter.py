"""Prompts against attention written out by hand, one task after another, and their counts and ways."""

import pytest
import torch
import torch.nn.functional as F

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import attached, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_timm.backbone import Timm
from mtlbench_vpt.adapter import VPTDeep, VPTShallow

TASKS = ("semseg", "human_parts", "saliency", "normals")
VARIANTS = pytest.mark.parametrize("variant", [VPTShallow, VPTDeep])
SWIN, VIT = "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224"


def timm(name, side=64):
    return Timm(name, pretrained=False, image_size=(side, side))


def attend(attn, tokens, extra, size):
    """Attend over tokens (B, extra + h·w, C), of which the first `extra` have no place."""
    q, k, v = (p.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for p in attn.qkv(tokens).chunk(3, -1))
    scores = q @ k.mT / q.shape[-1] ** 0.5
    place = torch.cartesian_prod(*(torch.arange(float(side)) for side in size)).double()
    distance = (place[:, None] - place).square().sum(-1).sqrt()
    scores[..., extra:, extra:] += attn.rel_pos_bias[:, None, None] * distance
    return attn.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


def by_hand(plain, image, prompts):
    """Run a plain backbone on one task's sequence; `prompts` (stage, block) -> (P, C), or None to go on."""
    x = plain.patch_embed(image).movedim(1, -1)
    levels = []
    for s, stage in enumerate(plain.stages):
        size, told = x.shape[1:3], x.new_empty(len(x), 0, x.shape[-1])
        for b, block in enumerate(stage.blocks):
            fresh = prompts(s, b)
            told = told if fresh is None else fresh.expand(len(x), -1, -1)
            extra = told.shape[1]
            tokens = torch.cat([told, x.flatten(1, 2)], 1)
            tokens = tokens + attend(block.attn, block.norm1(tokens), extra, size)
            tokens = tokens + block.mlp.fc2(F.gelu(block.mlp.fc1(block.norm2(tokens))))
            told, x = tokens[:, :extra], tokens[:, extra:].unflatten(1, size)
        x = x if stage.merging is None else stage.merging(x[None])[0]
        levels.append(x.movedim(-1, 1))
    return levels


@VARIANTS
@pytest.mark.parametrize("sharing, streams", [("per-task", 3), ("shared", 1)])
def test_equals_sequences_written_out_with_their_gradients(variant, sharing, streams):
    torch.manual_seed(0)
    backbone, trainables = attached(variant(TASKS[:3], prompts=4, sharing=sharing))
    scatter(trainables)
    backbone.double().eval()
    image = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    ours = backbone(image)

    def prompts(task):
        if variant is VPTDeep:
            return lambda s, b: backbone.stages[s].blocks[b].prompts[task, 0]
        return lambda s, b: backbone.tokens.prompts[task, 0] if (s, b) == (0, 0) else None

    plain = TinyBackbone().double().eval()
    theirs = [by_hand(plain, image, prompts(task)) for task in range(streams)]
    theirs = [torch.stack(levels) for levels in zip(*theirs, strict=True)]
    probes = [torch.randn_like(level) for level in ours]
    gradients = []
    for levels in (ours, theirs):
        total = sum((level * probe).sum() for level, probe in zip(levels, probes, strict=True))
        gradients.append(torch.autograd.grad(total, list(trainables.values())))
    for a, b in zip((*ours, *gradients[0]), (*theirs, *gradients[1]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@VARIANTS
@pytest.mark.parametrize("name", [SWIN, VIT])
def test_tasks_equal_passes_of_their_own_and_nothing_is_dead(variant, name):
    torch.manual_seed(0)
    backbone, trainables = attached(variant(TASKS[:3], prompts=4), timm(name))
    scatter(trainables)
    image = torch.randn(2, 3, 64, 96)
    levels = backbone.eval()(image)
    single, _ = attached(variant(TASKS[:1], prompts=4), timm(name))
    state = backbone.state_dict()
    for task in range(3):
        own = {n: v[task : task + 1] if n.endswith("prompts") else v for n, v in state.items()}
        single.load_state_dict(own)
        for level, expected in zip(levels, single.eval()(image), strict=True):
            torch.testing.assert_close(level[task], expected[0], rtol=1e-4, atol=1e-4)
    sum((level * torch.randn_like(level)).sum() for level in levels).backward()
    assert not [n for n, p in trainables.items() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("name, blocks", [(SWIN, 2), (VIT, 12)])
@torch.no_grad()
def test_shallow_prompts_live_while_the_width_does(name, blocks):
    backbone, _ = attached(VPTShallow(TASKS, prompts=4), timm(name))
    seen = []
    for site in backbone.sites():
        if site.role == "block":
            backbone.get_submodule(site.path).register_forward_hook(lambda *args: seen.append(args[1][1]))
    backbone.eval()(torch.randn(1, 3, 64, 64))
    assert [tokens is not None for tokens in seen] == [i < blocks for i in range(12)]
    assert all(tokens.shape[:3] == (len(TASKS), 1, 4) for tokens in seen[:1])


@VARIANTS
@torch.no_grad()
def test_prompts_start_from_the_law_of_the_patch_embedding(variant):
    _, trainables = attached(variant(TASKS, prompts=500), timm(SWIN))
    bound = (6 / (3 * 4**2 + 96)) ** 0.5
    prompts = torch.cat([p.flatten() for p in trainables.values()])
    assert 0.999 * bound < prompts.abs().max() <= bound
    assert prompts.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    assert prompts.mean().abs() < 0.01


@pytest.mark.parametrize(
    "variant, sharing, published",
    [
        (VPTShallow, "per-task", 19_200),
        (VPTShallow, "shared", 4_800),
        (VPTDeep, "per-task", 883_200),
        (VPTDeep, "shared", 220_800),
    ],
)
def test_counts_on_swin_t_are_the_published_ones(variant, sharing, published):
    _, trainables = attached(variant(TASKS, sharing=sharing), timm(SWIN, 224))
    assert sum(p.numel() for p in trainables.values()) == published


@VARIANTS
def test_unknown_sharing_is_named(variant):
    with pytest.raises(MtlbenchError, match="no sharing 'share': choose one of per-task, shared. Did"):
        variant(TASKS, sharing="share")

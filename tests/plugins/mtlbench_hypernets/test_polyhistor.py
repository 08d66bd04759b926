import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_hypernets.polyhistor import DecomposedAdapter, Polyhistor, PolyhistorLite
from mtlbench_timm.backbone import Timm

MADE = {
    "polyhistor": lambda: Polyhistor(TASKS, embedding=6, rank=3),
    "polyhistor at both positions": lambda: Polyhistor(TASKS, embedding=6, rank=2, roles=("proj", "fc2")),
    "lite": lambda: PolyhistorLite(TASKS, embedding=6, rank=2, template=8),
    "lite at both positions": lambda: PolyhistorLite(
        TASKS, embedding=6, rank=2, template=4, roles=("proj", "fc2")
    ),
}


def tuned(name):
    torch.manual_seed(0)
    backbone, trainables = attached(MADE[name]())
    scatter(trainables)
    return backbone.double().eval(), trainables


def dense(backbone, module, t, width, place):
    """Write D and U of one task at one place out: W_l = S_l ⊗ (P_t Q_t)."""
    net = backbone.hypernetwork
    v = net.task.view(len(TASKS), -1)[t]
    lite = "template" in net.emissions
    emission = net.emissions["template" if lite else str(width)]
    flat = emission.weight[0 if lite else place] @ v
    size = width // math.isqrt(module.scale_down.numel()) if lite else width
    m, r = size // 2, flat.numel() // (2 * (size + size // 2))
    parts = flat.split([m * r, r * size, size * r, r * m])
    templates = parts[0].view(m, r) @ parts[1].view(r, size), parts[2].view(size, r) @ parts[3].view(r, m)
    if not lite:
        return templates
    scales = (scale.view(width // size, -1) for scale in (module.scale_down, module.scale_up))
    return tuple(torch.kron(scale, template) for scale, template in zip(scales, templates, strict=True))


def plain(backbone, image, t):
    """Run one task alone with matrices written out."""
    x = backbone.patch_embed(image).movedim(1, -1)[None]
    seen, levels = {}, []

    def end(module, x):
        if not isinstance(module, DecomposedAdapter):
            return module(x)
        h = module.frozen(x)
        width = h.shape[-1]
        place = seen.get(width, 0)
        seen[width] = place + 1
        down, up = dense(backbone, module, t, width, place)
        weight, bias = (v.view(len(TASKS), -1)[t] for v in (module.norm_weight, module.norm_bias))
        return h + F.gelu(F.layer_norm(h, (width,), weight, bias) @ down.T) @ up.T

    for stage in backbone.stages:
        for block in stage.blocks:
            attn = block.attn
            x = x + end(attn.proj, attn.join(attn.mix(attn.qkv(attn.windows(block.norm1(x)))), x))
            x = x + end(block.mlp.fc2, F.gelu(block.mlp.fc1(block.norm2(x))))
        x = x if stage.merging is None else stage.merging(x)
        levels.append(x[0].movedim(-1, 1))
    return levels


@pytest.mark.parametrize("name", MADE)
def test_equals_one_task_after_another_with_its_gradients(name):
    backbone, trainables = tuned(name)
    image = images().double()
    ours = backbone(image)
    theirs = [
        torch.stack(levels)
        for levels in zip(*(plain(backbone, image, t) for t in range(len(TASKS))), strict=True)
    ]
    for a, b in zip(with_gradients(ours, trainables), with_gradients(theirs, trainables), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


def with_gradients(levels, trainables):
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)
    return [*levels, *torch.autograd.grad(loss, list(trainables.values()))]


@pytest.mark.parametrize("name", MADE)
def test_a_task_owns_its_embedding_and_its_norms(name):
    backbone, trainables = tuned(name)
    own = {n: p for n, p in trainables.items() if n.endswith((".task", ".norm_weight", ".norm_bias"))}
    others = {"emissions", "scale_down", "scale_up"}
    assert all(others & set(n.split(".")) for n in trainables.keys() - own.keys())
    for t in range(len(TASKS)):
        backbone.zero_grad()
        backbone(images().double())[3][t][:, 0].sum().backward()
        for parameter in own.values():
            touched = parameter.grad.view(len(TASKS), -1).any(1)
            assert touched.tolist() == [other == t for other in range(len(TASKS))]


@pytest.mark.parametrize("name", MADE)
def test_learns_from_the_first_step_on(name):
    """U is zero at the start, and its left factor sees a gradient there."""
    torch.manual_seed(0)
    backbone, _ = attached(MADE[name]())
    sum((level * torch.randn_like(level)).sum() for level in backbone(images())).backward()
    assert all(emission.weight.grad.any() for emission in backbone.hypernetwork.emissions.values())


@pytest.mark.parametrize("name", ["polyhistor at both positions", "lite"])
def test_emits_once_per_forward_pass_whatever_the_number_of_images(name):
    """What two images cost less than twice one image is the product that emits for all tasks."""
    backbone, _ = tuned(name)
    one, two = (products(backbone, images(batch).double()) for batch in (1, 2))
    numbers = sum(emission.weight.numel() for emission in backbone.hypernetwork.emissions.values())
    assert 2 * one - two == 2 * len(TASKS) * numbers


def products(backbone, batch):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        backbone(batch)
    return counter.get_total_flops()


@pytest.mark.parametrize(
    "make, published, count",
    [
        # 12 places of Σd = 4,416, m = d / 2: two matrices of factors, LayerNorms of 4 tasks, embeddings
        (Polyhistor, 6.41e6, 32 * 15 * 2 * (4416 + 2208) + 4 * 2 * 4416 + 4 * 32),
        # one template of 96 x 48; scaling kernels of Σs² = 2·1 + 2·4 + 6·16 + 2·64
        (PolyhistorLite, 0.41e6, 64 * 20 * 2 * (96 + 48) + 4 * 2 * 4416 + 4 * 64 + 2 * 234),
    ],
)
def test_counts_on_swin_tiny(make, published, count):
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    _, trainables = attached(make(("semseg", "parts", "sal", "normals")), backbone)
    assert sum(p.numel() for p in trainables.values()) == count
    assert abs(count / published - 1) < 0.015


def test_a_template_must_divide_every_width():
    with pytest.raises(MtlbenchError, match="template of 16 channels to 8: choose a `template` that divides"):
        attached(PolyhistorLite(TASKS, template=16))

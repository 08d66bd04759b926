import copy

import pytest
import torch
import torch.nn.functional as F

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_hypernets.hyperformer import EmittedAdapter, HyperFormer
from mtlbench_timm.backbone import Timm


def tuned(**options):
    torch.manual_seed(0)
    backbone, trainables = attached(HyperFormer(TASKS, **{"embedding": 6, "hidden": 10, **options}))
    scatter(trainables)
    return backbone.eval(), trainables


def plain(backbone, image, t, roles, shared):
    """Run one task alone, every matrix emitted by itself."""
    net = backbone.hypernetwork
    e = 6
    x = backbone.patch_embed(image).movedim(1, -1)[None]
    seen = {}
    levels = []

    def adapt(h, layer, role):
        width = h.shape[-1]
        condition = torch.cat(
            [
                net.task.view(-1, e)[t],
                net.layer.view(-1, e)[layer],
                net.position.view(-1, e)[roles.index(role)],
            ]
        )
        v = net.join(condition)
        emission = net.emissions[str(width)]
        place = seen.get(width, 0)
        seen[width] = place + 1
        network = 0 if shared else place
        flat = emission.weight[network] @ v + emission.bias.view(len(emission.weight), -1)[network]
        m = width // 2
        down, b, up, c, gamma, beta = flat.split([m * width, m, m * width, width, width, width])
        inner = F.gelu(h @ down.view(m, width).T + b)
        return h + F.layer_norm(inner @ up.view(width, m).T + c, (width,), gamma, beta)

    def layer_of(module):
        return module.frozen if isinstance(module, EmittedAdapter) else module

    number = 0
    for stage in backbone.stages:
        for block in stage.blocks:
            attn = block.attn
            mixed = attn.join(attn.mix(attn.qkv(attn.windows(block.norm1(x)))), x)
            h = layer_of(attn.proj)(mixed)
            x = x + (adapt(h, number, "proj") if "proj" in roles else h)
            h = layer_of(block.mlp.fc2)(F.gelu(block.mlp.fc1(block.norm2(x))))
            x = x + (adapt(h, number, "fc2") if "fc2" in roles else h)
            number += 1
        x = x if stage.merging is None else stage.merging(x)
        levels.append(x[0].movedim(-1, 1))
    return levels


@pytest.mark.parametrize("roles", [("fc2",), ("proj", "fc2")])
@pytest.mark.parametrize("hypernetworks", ["location", "shape"])
def test_equals_one_task_after_another_with_its_gradients(roles, hypernetworks):
    backbone, trainables = tuned(roles=roles, hypernetworks=hypernetworks)
    backbone.double()
    image = images().double()
    ours = backbone(image)
    theirs = [
        torch.stack(levels)
        for levels in zip(
            *(plain(backbone, image, t, roles, hypernetworks == "shape") for t in range(len(TASKS))),
            strict=True,
        )
    ]
    for a, b in zip(with_gradients(ours, trainables), with_gradients(theirs, trainables), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


def with_gradients(levels, trainables):
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)
    return [*levels, *torch.autograd.grad(loss, list(trainables.values()))]


def test_a_task_owns_its_embedding_and_nothing_else():
    backbone, trainables = tuned()
    assert sum(p.numel() for name, p in trainables.items() if name.endswith(".task")) == 6 * len(TASKS)
    for t in range(len(TASKS)):
        backbone.zero_grad()
        backbone(images())[3][t][:, 0].sum().backward()
        touched = backbone.hypernetwork.task.grad.view(len(TASKS), -1).any(1)
        assert touched.tolist() == [other == t for other in range(len(TASKS))]


def test_weights_move_with_the_parameters():
    backbone, trainables = tuned()
    with torch.no_grad():
        before = backbone(images())[0]
        trainables["hypernetwork.task"].mul_(2.0)
        assert not torch.allclose(backbone(images())[0], before)


def test_a_copy_has_hyper_networks_of_its_own():
    backbone, _ = tuned()
    twin = copy.deepcopy(backbone)
    with torch.no_grad():
        expected = backbone(images())[3]
        backbone.hypernetwork.task.zero_()
        assert torch.equal(twin(images())[3], expected)


@pytest.mark.parametrize(
    "options, published, count",
    [
        # 33 times the adapters of one task (2,172,000), the embeddings of 4 tasks, 12 layers, 1 position,
        # and the network that joins them
        ({}, 72.77e6, 33 * 2_172_000 + 32 * (4 + 12 + 1) + (97 * 128 + 129 * 32 + 64)),
        ({"hypernetworks": "shape"}, None, 33 * 788_400 + 32 * 17 + (97 * 128 + 129 * 32 + 64)),
    ],
)
def test_counts_on_swin_tiny(options, published, count):
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    _, trainables = attached(HyperFormer(("semseg", "parts", "sal", "normals"), **options), backbone)
    assert sum(p.numel() for p in trainables.values()) == count
    assert published is None or abs(count / published - 1) < 0.015


@pytest.mark.parametrize(
    "options, sentence",
    [
        (
            {"hypernetworks": "shapes"},
            "no hypernetworks per 'shapes': choose location or shape.*Did you mean",
        ),
        ({"roles": ("qkv",)}, "follows the layers proj and fc2, not qkv: choose `roles`"),
        ({"roles": ()}, "not none"),
    ],
)
def test_wrong_options_are_named(options, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        attached(HyperFormer(TASKS, **options))

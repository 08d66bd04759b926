import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_timm.backbone import Timm
from mtlbench_vmt.adapter import VMTAdapter, VMTAdapterLite
from mtlbench_vmt.mlp import AdaptedMlp

MAKERS = [VMTAdapter, VMTAdapterLite]


def tuned(make):
    torch.manual_seed(0)
    backbone, trainables = attached(make(TASKS, bottleneck=5))
    scatter(trainables)
    return backbone.double().eval(), trainables


def beside(mlp, x):
    """Write the adapter's matrices out."""
    adapter = mlp.adapter
    if hasattr(adapter, "up"):
        down, b, up, c = adapter.down.weight, adapter.down.bias, adapter.up.weight, adapter.up.bias
    else:
        down, b, c = adapter.weight, adapter.bias, adapter.shift
        up = torch.diag(adapter.scale) @ down.T
    return F.gelu(x @ down.T + b) @ up.T + c


def plain(backbone, image):
    """Run the shared stream, and at the end of each stage one task after another: levels[stage][t]."""
    x = backbone.patch_embed(image).movedim(1, -1)[None]
    levels = []
    for stage in backbone.stages:
        for block in stage.blocks:
            x = x + block.attn(block.norm1(x))
            normed = block.norm2(x)
            base, update = x + block.mlp.frozen(normed), beside(block.mlp, normed)
            x = base + update
        own = []
        for t in range(len(TASKS)):
            gamma, beta = (v.view(len(TASKS), -1)[t] for v in (block.mlp.gamma, block.mlp.beta))
            y = base + gamma * update + beta
            own.append((y if stage.merging is None else stage.merging(y))[0].movedim(-1, 1))
        levels.append(torch.stack(own))
        x = x if stage.merging is None else stage.merging(x)
    return levels


@pytest.mark.parametrize("make", MAKERS)
def test_equals_a_loop_over_tasks_with_its_gradients(make):
    backbone, trainables = tuned(make)
    image = images().double()
    ours, theirs = backbone(image), plain(backbone, image)
    for a, b in zip(with_gradients(ours, trainables), with_gradients(theirs, trainables), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def with_gradients(levels, trainables):
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)
    return [*levels, *torch.autograd.grad(loss, list(trainables.values()))]


@pytest.mark.parametrize("make", MAKERS)
def test_every_block_runs_once_whatever_the_number_of_tasks(make):
    """Attention, MLPs and adapters see one stream; the very last MLP hands out those of the tasks alone."""
    backbone, _ = tuned(make)
    streams = {"in": [], "out": []}

    def note(_, args, out):
        streams["in"].append(len(args[0]))
        streams["out"].append(len(out))

    for module in backbone.modules():
        if isinstance(module, AdaptedMlp):
            module.register_forward_hook(note)
    backbone(images().double())
    assert streams["in"] == [1] * 8
    assert streams["out"] == [1, 1 + len(TASKS)] * 3 + [1, len(TASKS)]


@pytest.mark.parametrize("make", MAKERS)
def test_learns_from_the_first_step_on(make):
    torch.manual_seed(0)
    backbone, trainables = attached(make(TASKS, bottleneck=5))
    sum((level * torch.randn_like(level)).sum() for level in backbone(images())).backward()
    first = "up.weight" if make is VMTAdapter else "scale"
    assert all(p.grad.any() for name, p in trainables.items() if name.endswith(first))


@pytest.mark.parametrize(
    "make, percent, count",
    [
        # D, U, b and c at 12 places of Σd = 4,416; γ and β of 4 tasks at the ends of stages, Σd = 1,440
        (VMTAdapter, 1.02, 30 * 2 * 4416 + 30 * 12 + 4416 + 4 * 2 * 1440),
        # D, b, s and c
        (VMTAdapterLite, 0.36, 18 * 4416 + 18 * 12 + 2 * 4416 + 4 * 2 * 1440),
    ],
)
def test_counts_on_swin_tiny(make, percent, count):
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    pretrained = sum(p.numel() for p in backbone.parameters())
    assert pretrained == 27_517_818
    _, trainables = attached(make(("semseg", "parts", "sal", "normals")), backbone)
    assert sum(p.numel() for p in trainables.values()) == count
    assert round(100 * count / pretrained, 2) == percent

"""Adapters against the plain backbone with written-out bottlenecks, one task after another, in float64."""

import pytest
import torch
import torch.nn.functional as F

from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_bottleneck.bottleneck import After, Beside
from mtlbench_bottleneck.compacter import Compacter, CompacterPlusPlus
from mtlbench_bottleneck.houlsby import Houlsby
from mtlbench_bottleneck.low_rank import LowRankAdapter
from mtlbench_bottleneck.parallel import ParallelAdapter
from mtlbench_bottleneck.phm import PHM

ADAPTERS = [
    (Houlsby, {}),
    (Houlsby, {"sharing": "shared", "places": ("attn", "mlp"), "reduction": 3, "activation": "silu"}),
    (ParallelAdapter, {"scale": 0.7}),
    (ParallelAdapter, {"learns_scale": True, "norm": True, "activation": "silu"}),
    (LowRankAdapter, {"rank": 2, "reduction": 2}),
    (PHM, {"reduction": 2}),
    (Compacter, {}),
    (Compacter, {"n": 2, "rank": 2, "rule": "layers"}),
    (CompacterPlusPlus, {"sharing": "shared"}),
]


def tuned(kind, options):
    """Attach an adapter whose weights have left their start."""
    torch.manual_seed(0)
    backbone, trainables = attached(kind(TASKS, **options))
    scatter(trainables)
    return backbone.double().eval(), trainables


def part(values, sets, k):
    return values.view(sets, -1)[k]


def written_out(layer, k, x, matrix):
    """Compute U φ(D norm(x) + b_D) + b_U of set k."""
    b = layer.bottleneck
    if hasattr(b.norm, "weight"):
        gamma, beta = part(b.norm.weight, b.sets, k), part(b.norm.bias, b.sets, k)
        x = gamma * (x - x.mean(-1, keepdim=True)) / (x.var(-1, False, True) + 1e-5).sqrt() + beta
    inner = x @ matrix(b.down, k).T + part(b.down_bias, b.sets, k)
    inner = inner * inner.sigmoid() if isinstance(b.activation, torch.nn.SiLU) else F.gelu(inner)
    return inner @ matrix(b.up, k).T + part(b.up_bias, b.sets, k)


def plain(backbone, k, matrix):
    """Return the backbone that task of set k sees alone: a plain one with a hook at every place."""
    alone = TinyBackbone().double()
    for path, layer in backbone.named_modules():
        if isinstance(layer, After):
            alone.get_submodule(path).register_forward_hook(
                lambda _, args, h, layer=layer: h + written_out(layer, k, h, matrix)
            )
        if isinstance(layer, Beside):
            s = layer.scale if isinstance(layer.scale, float) else layer.scale[k]
            alone.get_submodule(path).register_forward_hook(
                lambda _, args, h, layer=layer, s=s: h + s * written_out(layer, k, args[0], matrix)
            )
    return alone


@pytest.mark.parametrize("kind, options", ADAPTERS)
def test_equals_a_loop_over_tasks_with_its_gradients(kind, options, matrix):
    backbone, trainables = tuned(kind, options)
    sets = 1 if options.get("sharing") == "shared" else len(TASKS)
    ours = backbone(images().double())
    alone = [plain(backbone, k, matrix)(images().double()) for k in range(sets)]
    theirs = [torch.cat(levels) for levels in zip(*alone, strict=True)]
    for a, b in zip(with_gradients(ours, trainables), with_gradients(theirs, trainables), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-8)


def with_gradients(levels, trainables):
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)
    return [*levels, *torch.autograd.grad(loss, list(trainables.values()))]


@pytest.mark.parametrize(
    "rule, matrices, sets", [("own", 2 * 2 * 8, len(TASKS)), ("layers", 1, len(TASKS)), ("all", 1, 1)]
)
def test_a_rule_is_shared_as_far_as_it_says(rule, matrices, sets):
    """Two matrices at two places in eight blocks."""
    _, trainables = tuned(Compacter, {"rule": rule})
    rules = [parameter for name, parameter in trainables.items() if name.endswith(".A")]
    assert [tuple(A.shape) for A in rules] == [(sets, 4, 4, 4)] * matrices


def test_streams_part_at_the_first_place():
    streams = []
    backbone, _ = tuned(PHM, {"reduction": 2})
    for path in ("stages.0.blocks.0.attn.proj", "stages.0.blocks.0.mlp", "stages.3.blocks.1.attn"):
        backbone.get_submodule(path).register_forward_pre_hook(lambda _, args: streams.append(len(args[0])))
    backbone(images().double())
    assert streams == [1, len(TASKS), len(TASKS)]


@pytest.mark.parametrize(
    "kind, options, inner",
    [
        (Houlsby, {"reduction": 16}, [1, 1, 2, 4]),
        (Houlsby, {"reduction": 3}, [3, 6, 11, 22]),
        (PHM, {"n": 4, "reduction": 16}, [4, 4, 4, 4]),
        (Compacter, {"n": 4, "reduction": 3}, [4, 8, 12, 24]),
    ],
)
def test_rounds_the_bottleneck_up(kind, options, inner):
    """To a multiple of n, for blocks of 8, 16, 32 and 64 channels."""
    backbone, _ = tuned(kind, {"sharing": "shared", **options})
    layers = [backbone.get_submodule(f"stages.{stage}.blocks.0.mlp.fc2") for stage in range(4)]
    assert [len(layer.bottleneck.down_bias) for layer in layers] == inner


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: Houlsby(TASKS, sharing="pertask"), "no sharing 'pertask'.*per-task, shared.*Did you mean"),
        (lambda: Houlsby(TASKS, places=("attn", "fc2")), "no place 'fc2': choose one of attn, mlp"),
        (lambda: Houlsby(TASKS, activation="gelo"), "no activation 'gelo'.*Did you mean \"gelu\""),
        (lambda: PHM(TASKS, rule="layer"), "no rule 'layer'.*Did you mean \"layers\""),
        (lambda: attached(PHM(TASKS, n=3)), "n = 3 doesn't divide 8 channels: choose one that"),
    ],
)
def test_wrong_options_are_named(make, sentence):
    with pytest.raises(MtlbenchError, match=sentence):
        make()

"""Biases per task, against the plain backbone with the biases of one task after another as its own."""

import copy

import pytest
import torch
from torch import nn

from mtlbench.engine.sites import merge
from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import attached, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_bias.adapter import BitFit, RelativeBias
from mtlbench_timm.backbone import Timm

TASKS = ("semseg", "human_parts", "saliency", "normals")
BACKBONES = {
    "tiny": TinyBackbone,
    "swin": lambda: Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(64, 64)),
    "vit": lambda: Timm("vit_tiny_patch16_224", pretrained=False, image_size=(64, 64)),
}


class View:
    """See the biases of one task in an adapted backbone by the names that the plain one has."""

    def __init__(self, backbone, task, streams):
        self.own, self.task, self.streams = dict(backbone.named_parameters()), task, streams

    def value(self, name):
        if name in self.own:
            return self.of_table(self.own[name])
        path = name.removesuffix(".bias")
        return self.own[f"{path}.frozen.bias"] + self.of_shift(self.own[f"{path}.shift"])

    def gradient(self, name):
        if name in self.own:
            return self.of_table(self.own[name].grad)
        return self.of_shift(self.own[f"{name.removesuffix('.bias')}.shift"].grad)

    def of_table(self, values):
        return values[self.task] if self.streams > 1 else values

    def of_shift(self, values):
        return values.view(self.streams, -1)[self.task]


def names_of(backbone, adapter):
    """Name what the adapter trains of a plain backbone."""
    roles = {name: backbone.parameter_role(name) for name, _ in backbone.named_parameters()}
    tables = [name for name, role in roles.items() if role == "rel_pos_bias"]
    biases = [name for name, role in roles.items() if name.endswith(".bias") and role != "pyramid"]
    return tables + (biases if adapter is BitFit else [])


def weighted(levels):
    generator = torch.Generator().manual_seed(3)
    return sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)


def count(trainables):
    return sum(parameter.numel() for parameter in trainables.values())


@pytest.mark.parametrize("sharing, streams", [("per-task", 3), ("shared", 1)])
@pytest.mark.parametrize("make, adapter", [*((make, BitFit) for make in BACKBONES), ("swin", RelativeBias)])
def test_equals_one_pass_per_task_with_its_gradients(make, adapter, sharing, streams):
    torch.manual_seed(0)
    plain = BACKBONES[make]().double().eval().requires_grad_(False)
    backbone, trainables = attached(adapter(TASKS[:3], sharing=sharing), copy.deepcopy(plain))
    trainables = {n: p for n, p in trainables.items() if backbone.parameter_role(n) != "pyramid"}
    scatter(trainables)
    names = names_of(plain, adapter)
    own = [plain.get_parameter(name).requires_grad_() for name in names]
    assert count(trainables) == streams * sum(parameter.numel() for parameter in own)
    image = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    levels = backbone.eval()(image)
    for task in range(streams):
        view = View(backbone, task, streams)
        with torch.no_grad():
            for name, parameter in zip(names, own, strict=True):
                parameter.copy_(view.value(name))
        expected = plain(image)
        for ours, theirs in zip(levels, expected, strict=True):
            torch.testing.assert_close(ours[task], theirs[0], rtol=1e-9, atol=1e-9)
        backbone.zero_grad()
        weighted([level[task : task + 1] for level in levels]).backward(retain_graph=True)
        for name, gradient in zip(names, torch.autograd.grad(weighted(expected), own), strict=True):
            assert gradient.any()
            torch.testing.assert_close(view.gradient(name), gradient, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "adapter, sharing, published",
    [
        (BitFit, "per-task", 299_112),
        (BitFit, "shared", 74_778),
        (RelativeBias, "per-task", 93_288),
        (RelativeBias, "shared", 23_322),
    ],
)
def test_counts_on_swin_t_are_the_published_ones(adapter, sharing, published):
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    assert count(attached(adapter(TASKS, sharing=sharing), backbone)[1]) == published


def test_shared_biases_merge_into_a_plain_backbone():
    backbone, _ = attached(BitFit(TASKS, sharing="shared"))
    merge(backbone)
    assert [type(module) for module in backbone.modules()] == [type(m) for m in TinyBackbone().modules()]


def test_shifts_are_flat_and_so_do_not_decay():
    _, trainables = attached(BitFit(TASKS))
    assert {p.ndim for name, p in trainables.items() if "rel_pos_bias" not in name} == {1}


def test_norms_inside_an_attention_stay_as_they_are():
    backbone = TinyBackbone()
    attn = backbone.stages[0].blocks[0].attn
    attn.q_norm = nn.LayerNorm(4)
    attached(BitFit(TASKS), backbone)
    assert type(attn.q_norm) is nn.LayerNorm and not attn.q_norm.bias.requires_grad


def test_a_backbone_without_tables_is_refused():
    with pytest.raises(MtlbenchError, match='this backbone has none: take a Swin, or.*"bitfit"'):
        attached(RelativeBias(TASKS), BACKBONES["vit"]())


@pytest.mark.parametrize("adapter", [BitFit, RelativeBias])
def test_unknown_sharing_is_named(adapter):
    with pytest.raises(MtlbenchError, match="no sharing 'per-tasks': choose one of per-task, shared. Did"):
        adapter(TASKS, sharing="per-tasks")

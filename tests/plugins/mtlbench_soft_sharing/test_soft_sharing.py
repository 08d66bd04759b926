"""Joined networks against plain backbones that go task by task and stage by stage."""

import copy

import pytest
import torch
import torch.nn.functional as F

from mtlbench.engine.freezing import attach
from mtlbench.errors import MtlbenchError
from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench.testing.tiny_backbone import TinyBackbone
from mtlbench_soft_sharing.adapters import NDDRCNN, CrossStitch
from mtlbench_soft_sharing.networks import fill
from mtlbench_timm.backbone import Timm

PASCAL = ("human_parts", "normals", "saliency", "semseg")


def shifted(seed):
    """Return a plain backbone, every parameter of which is another than the pretrained."""
    backbone = TinyBackbone()
    scatter(dict(backbone.named_parameters()), seed)
    return backbone.double().eval()


def joined(adapter, *plain):
    """Return the adapted backbone whose networks are the plain ones, in float64."""
    backbone, _ = attached(adapter)
    backbone.double().eval()
    for task, network in enumerate(plain):
        fill(backbone, task, network.state_dict())
    return backbone


def stitched(maps, unit):
    """Mix maps (B, h, w, C) of all tasks, channel by channel."""
    tasks, channels = len(maps), maps[0].shape[-1]
    alpha = unit.alpha.reshape(tasks, tasks, -1).expand(tasks, tasks, channels)
    mixed = [torch.zeros_like(x) for x in maps]
    for t in range(tasks):
        for s in range(tasks):
            for c in range(channels):
                mixed[t][..., c] += alpha[t, s, c] * maps[s][..., c]
    return mixed


def reduced(maps, layer):
    """Join maps (B, h, w, C) of all tasks by a convolution, a batch norm and perhaps ReLU per task."""
    stacked, channels = torch.cat(maps, -1).movedim(-1, 1), maps[0].shape[-1]
    out = []
    for t, weight in enumerate(layer.weight):
        own = slice(t * channels, (t + 1) * channels)
        norm = layer.norm
        state = (norm.running_mean[own], norm.running_var[own], norm.weight[own], norm.bias[own])
        y = F.batch_norm(F.conv2d(stacked, weight[..., None, None]), *state, norm.training, 0.0, norm.eps)
        out.append((y.relu() if layer.relu else y).movedim(1, -1))
    return out


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "adapter, join",
    [
        (CrossStitch(TASKS), stitched),
        (CrossStitch(TASKS, per_channel=False), stitched),
        (NDDRCNN(TASKS), reduced),
        (NDDRCNN(TASKS, relu=True), reduced),
    ],
    ids=["cross-stitch", "per stage", "nddr", "nddr relu"],
)
def test_equals_plain_networks_that_are_joined_after_every_stage(adapter, join, training):
    plain = [shifted(seed) for seed in range(3)]
    backbone = joined(adapter, *plain)
    units = [stage.blocks[-1].unit for stage in backbone.stages]
    scatter({n: p for unit in units for n, p in [*unit.named_parameters(prefix=str(id(unit)))]})
    backbone.train(training)
    image = images(2, (64, 96)).double()
    expected, maps = [], [network.patch_embed(image).movedim(1, -1) for network in plain]
    with torch.no_grad():
        for index, unit in enumerate(units):
            for t, network in enumerate(plain):
                for block in network.stages[index].blocks:
                    maps[t] = block(maps[t][None])[0][0]
            maps = join(maps, unit)
            for t, network in enumerate(plain):
                merging = network.stages[index].merging
                maps[t] = maps[t] if merging is None else merging(maps[t][None])[0]
            expected.append(torch.stack(maps).movedim(-1, 2))
        for ours, theirs in zip(backbone(image), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [CrossStitch, NDDRCNN])
def test_networks_that_give_nothing_away_are_independent(kind):
    plain = [shifted(seed) for seed in range(3)]
    backbone = joined(kind(TASKS, alpha=1.0), *plain)
    levels = backbone(images().double())
    tolerance = 1e-9 if kind is CrossStitch else 1e-4  # eps of batch norms
    for t, network in enumerate(plain):
        for ours, theirs in zip(levels, network(images().double()), strict=True):
            torch.testing.assert_close(ours[t], theirs[0], rtol=tolerance, atol=tolerance)
    sum(level[1].sum() for level in levels).backward()
    for name, parameter in backbone.named_parameters():
        if ".unit." not in name:
            per_task = parameter.grad.view(3, -1)
            assert not per_task[[0, 2]].any(), name


@pytest.mark.parametrize("kind, tolerance", [(CrossStitch, 1e-6), (NDDRCNN, 1e-4)])
def test_equal_networks_are_the_pretrained_one(kind, tolerance):
    backbone = attached(kind(TASKS))[0].double().eval()
    for ours, theirs in zip(
        backbone(images().double()), TinyBackbone().double()(images().double()), strict=True
    ):
        torch.testing.assert_close(ours, theirs.expand_as(ours), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", [CrossStitch, NDDRCNN])
def test_one_task_is_the_plain_network(kind):
    backbone = attached(kind(TASKS[:1]))[0].double().eval()
    for ours, theirs in zip(
        backbone(images().double()), TinyBackbone().double()(images().double()), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "adapter, units",
    [
        (CrossStitch(PASCAL), 4 * 4 * (96 + 192 + 384 + 768)),
        (CrossStitch(PASCAL, per_channel=False), 4 * 4 * 4),
        (NDDRCNN(PASCAL), sum(4 * (4 * c * c + 2 * c) for c in (96, 192, 384, 768))),
    ],
)
def test_counts_on_swin_t(adapter, units):
    backbone = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(224, 224))
    plain = sum(parameter.numel() for parameter in backbone.parameters())
    injected = attach(adapter, backbone)
    trained = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in trained) == 4 * plain + units
    assert {id(parameter) for parameter in trained} == injected


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("kind", [CrossStitch, NDDRCNN])
def test_fits_the_backbones_that_ship(name, kind):
    torch.manual_seed(0)
    backbone = Timm(name, pretrained=False, image_size=(64, 64)).eval()
    expected = [level.detach() for level in copy.deepcopy(backbone)(images(1))]
    attach(kind(PASCAL), backbone)
    levels = backbone.eval()(images(1))
    for ours, theirs in zip(levels, expected, strict=True):
        torch.testing.assert_close(ours, theirs.expand(4, *theirs.shape[1:]), rtol=1e-3, atol=1e-3)
    sum((level * torch.randn_like(level)).sum() for level in levels).backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters() if parameter.requires_grad)


def test_vectors_and_matrices_of_shares_do_not_decay():
    _, trainables = attached(CrossStitch(TASKS))
    flat = {name for name, parameter in trainables.items() if parameter.ndim == 1}
    assert {name for name in trainables if name.endswith(("alpha", "bias")) or "norm" in name} - flat == {
        name for name in trainables if "rel_pos_bias" in name
    }


def test_bad_options_are_refused():
    with pytest.raises(
        MtlbenchError, match=r"names 'seg', which is none of the tasks: semseg, .*Did you mean"
    ):
        CrossStitch(TASKS, init={"seg": "x"})
    with pytest.raises(MtlbenchError, match=r"adapter\.alpha is 9; give a share from 0 to 1"):
        NDDRCNN(TASKS, alpha=9)

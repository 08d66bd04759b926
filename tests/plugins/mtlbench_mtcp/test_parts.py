"""Compare each part with its formula over one task's (B, C, H, W) at a time, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench_mtcp.cbam import CBAM
from mtlbench_mtcp.cfm import CoherenceFusion
from mtlbench_mtcp.heads import Heads
from mtlbench_mtcp.pyramid import FeaturePyramid
from mtlbench_mtcp.srm import SpatialRefinement, TraceBack

TASKS, WIDTH, SIZE = 3, 8, (5, 7)


def conv(layer, x, task):
    """Convolve by 1x1 with the weights of one task."""
    bias = None if layer.bias is None else layer.bias[task]
    return F.conv2d(x, layer.weight[task][:, :, None, None], bias)


def norm(layer, x, task):
    """Normalise by the statistics of the batch."""
    own = slice(task * x.shape[1], (task + 1) * x.shape[1])
    return F.batch_norm(x, None, None, layer.weight[own], layer.bias[own], training=True)


def cbam(layer, x, task):
    """Gate channels, then pixels."""

    def mlp(pooled):
        return conv(layer.excite, F.relu(conv(layer.squeeze, pooled, task)), task)

    x = x * torch.sigmoid(mlp(F.adaptive_avg_pool2d(x, 1)) + mlp(F.adaptive_max_pool2d(x, 1)))
    pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
    gate = F.conv2d(pooled, layer.spatial.weight[task : task + 1], padding=3)
    return x * torch.sigmoid(norm(layer.norm, gate, task))


def attended(layer, x, task):
    """Apply CBAM and a batch norm."""
    return norm(layer[1], cbam(layer[0], x, task), task)


def fusion(layer, features, task):
    """Fuse one task by the matrix of all pixels."""
    tasks, width = len(features), features[0].shape[1]
    others = [s for s in range(tasks) if s != task] or [task]
    gated = []
    for source in others:
        readers = [t for t in range(tasks) if t != source] or [task]
        own = slice(width * readers.index(task), width * (readers.index(task) + 1))
        weight, bias = layer.gate.weight[source, own], layer.gate.bias[source, own]
        gate = torch.sigmoid(F.conv2d(features[source], weight[:, :, None, None], bias))
        gated.append(features[source] * gate)
    fused = F.relu(conv(layer.join, torch.cat(gated, 1), task))
    theta = F.relu(attended(layer.theta, fused, task)).flatten(2)
    phi = F.relu(attended(layer.phi, fused, task)).flatten(2)
    value = attended(layer.value, features[task], task)
    scores = torch.einsum("bci,bcj->bij", theta, phi)
    affinity = scores.exp() / scores.exp().sum(2, keepdim=True)
    mixed = torch.einsum("bij,bcj->bci", affinity, value.flatten(2)).view_as(value)
    return attended(layer.out, mixed, task)


def refine(layer, traced, stage, task):
    """Resize, join, and convolve what is joined."""
    traced = cbam(layer.cbam_traced, traced, task)
    traced = F.interpolate(traced, stage.shape[-2:], mode="bilinear", align_corners=False)
    joined = torch.cat([traced, cbam(layer.cbam_stage, stage, task)], 1)
    weight = torch.cat([layer.from_traced.weight[task], layer.from_stage.weight[task]], 1)
    return F.relu(norm(layer.norm, F.conv2d(joined, weight[:, :, None, None]), task))


def draw(module):
    """Bring a module to float64, with every parameter away from its start."""
    torch.manual_seed(1)
    for parameter in module.double().parameters():
        nn.init.normal_(parameter, mean=0.1, std=0.3)
    return module


def features(channels, size=SIZE, tasks=TASKS):
    """Draw features (T, B, H, W, C)."""
    torch.manual_seed(channels)
    return torch.randn(tasks, 2, *size, channels, dtype=torch.float64)


def planes(x):
    """Bring (T, B, H, W, C) to one (B, C, H, W) per task."""
    return list(x.movedim(-1, 2))


def stacked(maps):
    """Bring one (B, C, H, W) per task to (T, B, H, W, C)."""
    return torch.stack(maps).movedim(2, -1)


def test_cbam():
    layer, x = draw(CBAM(TASKS, WIDTH)), features(WIDTH)
    torch.testing.assert_close(layer(x), stacked([cbam(layer, p, t) for t, p in enumerate(planes(x))]))


@pytest.mark.parametrize("tasks", [1, 2, 3, 4])
def test_coherence_fusion(tasks):
    layer, x = draw(CoherenceFusion(tasks, WIDTH)), features(WIDTH, tasks=tasks)
    expected = stacked([fusion(layer, planes(x), t) for t in range(tasks)])
    torch.testing.assert_close(layer(x), expected)


def test_coherence_fusion_is_the_affinity_of_the_others_applied_to_the_task_itself():
    layer, x = draw(CoherenceFusion(TASKS, WIDTH)), features(WIDTH)
    changed = x.clone()
    changed[0] *= 2
    # batch norm undoes the scale of the values, and task 0 has no part in its own affinity
    layer.value[0] = nn.Identity()
    torch.testing.assert_close(layer(changed)[0], layer(x)[0], atol=1e-5, rtol=1e-5)
    assert (layer(changed)[1] - layer(x)[1]).abs().max() > 1e-3


@pytest.mark.parametrize("sizes", [((5, 7), (3, 4)), ((3, 4), (5, 7)), ((3, 4), (3, 4))], ids=str)
def test_refinement(sizes):
    layer = draw(SpatialRefinement(TASKS, WIDTH, 2 * WIDTH, 5))
    traced, stage = features(WIDTH, sizes[0]), features(2 * WIDTH, sizes[1])
    pairs = zip(planes(traced), planes(stage), strict=True)
    expected = stacked([refine(layer, *pair, t) for t, pair in enumerate(pairs)])
    torch.testing.assert_close(layer(traced, stage), expected)


def test_trace_back_goes_from_the_coarsest_stage_to_the_finest():
    sizes, widths = ((5, 7), (3, 4), (2, 2)), (WIDTH, 2 * WIDTH, 4 * WIDTH)
    layer = draw(TraceBack(TASKS, WIDTH, widths))
    stages = [features(width, size) for width, size in zip(widths, sizes, strict=True)]
    fused = features(WIDTH)
    found = layer(fused, stages)
    assert [tuple(f.shape) for f in found] == [(TASKS, 2, *size, WIDTH) for size in reversed(sizes)]
    for task in range(TASKS):
        traced = planes(fused)[task]
        for refinement, stage, ours in zip(layer.refinements, reversed(stages), found, strict=True):
            both = refine(refinement, traced, planes(stage)[task], task)
            torch.testing.assert_close(planes(ours)[task], both[:, :WIDTH])
            traced = both[:, WIDTH:]
    assert traced.shape[1] == 0


@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("tasks", [1, TASKS])
def test_feature_pyramid(tasks, normed):
    channels, sizes = (4, 6, 5), ((5, 7), (3, 4), (2, 2))
    layer = draw(FeaturePyramid(tasks, channels, WIDTH, norm=normed))
    levels = [features(c, size, tasks) for c, size in zip(channels, sizes, strict=True)]
    for task, ours in enumerate(planes(layer(levels))):
        fused = None
        for i in (2, 1, 0):
            finer = conv(layer.laterals[i], planes(levels[i])[task], task)
            finer = norm(layer.norms[i], finer, task) if normed else finer
            fused = finer if fused is None else finer + F.interpolate(fused, finer.shape[-2:], mode="nearest")
        own = slice(task * WIDTH, (task + 1) * WIDTH)
        expected = F.conv2d(fused, layer.smooth.weight[own], layer.smooth.bias[own], padding=1)
        torch.testing.assert_close(ours, expected)


def test_heads():
    outputs = {"a": 1, "b": 4, "c": 2}
    layer, x = draw(Heads(outputs, WIDTH, 6)), features(WIDTH)
    maps = layer(x)
    for t, task in enumerate(outputs):
        hidden = F.relu(norm(layer.norm, conv(layer.hidden, planes(x)[t], t), t))
        predict = layer.predict[task]
        expected = F.conv2d(hidden, predict.weight[:, :, None, None], predict.bias)
        torch.testing.assert_close(maps[task], expected)

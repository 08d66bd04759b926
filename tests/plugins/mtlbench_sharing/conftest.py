"""The layers of one task as plain convolutions and norms, with weights cut out of those of all tasks."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def own(values, task, tasks):
    """Cut one task's rows out of what lies task by task."""
    return None if values is None else values.unflatten(0, (tasks, -1))[task]


def conv(layer, x, task=0, tasks=1, **options):
    """Convolve one task's (B, I, H, W)."""
    weight = own(layer.weight, task, tasks)
    padding = weight.shape[-1] // 2 * options.get("dilation", 1)
    return F.conv2d(x, weight, own(layer.bias, task, tasks), padding=padding, **options)


def norm(layer, x, task=0, tasks=1):
    """Normalise by the statistics of the batch."""
    weight, bias = own(layer.weight, task, tasks), own(layer.bias, task, tasks)
    return F.batch_norm(x, None, None, weight, bias, training=True)


def conv_norm(pair, x, task=0, tasks=1, **options):
    """Convolve, then normalise."""
    return norm(pair[1], conv(pair[0], x, task, tasks, **options), task, tasks)


def block(layer, x, task=0, tasks=1):
    """Apply the convolutions of a residual block with ReLUs between them, add the input, rectify."""
    y, steps = x, list(layer.body)[::2]
    for i, pair in enumerate(steps):
        y = conv_norm(pair, F.relu(y) if i else y, task, tasks)
    return F.relu(y + (x if layer.shortcut is None else conv_norm(layer.shortcut, x, task, tasks)))


def resized(x, size):
    """Resize (B, C, h, w)."""
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)


def distilled(layer, features, width):
    """Add the gated messages of all other tasks to each of a list of (B, C, H, W)."""
    tasks, result = len(features), []
    for t in range(tasks):
        total = features[t]
        for s in range(tasks):
            if s == t:
                continue
            k = (t - s - 1) % tasks  # the target's place among those that the source writes to
            rows = slice((s * (tasks - 1) + k) * width, (s * (tasks - 1) + k + 1) * width)
            gate = F.conv2d(features[s], layer.gate.weight[rows], padding=1)
            total = total + gate.sigmoid() * F.conv2d(features[s], layer.value.weight[rows], padding=1)
        result.append(total)
    return result


def predictor(head, levels):
    """Resize, concatenate, and predict by the two layers of the engine's predictor."""
    joined = torch.cat([resized(level, levels[0].shape[-2:]) for level in levels], 1)
    hidden = F.conv2d(joined, head.fuse.weight[:, :, None, None], head.fuse.bias)
    return F.conv2d(F.relu(norm(head.norm, hidden)), head.predict.weight[:, :, None, None], head.predict.bias)


def drawn(module):
    """Bring a module to float64, with every parameter away from its start."""
    torch.manual_seed(1)
    for parameter in module.double().parameters():
        nn.init.normal_(parameter, mean=0.05, std=0.3)
    return module


def agree(decoder, levels, expected):
    """Hold the maps of a decoder, and their gradients, against those of `expected(decoder, levels)`."""
    decoder, levels = drawn(decoder), [level.double().requires_grad_() for level in levels]
    decoded, plain = decoder(levels), expected(decoder, levels)
    ours = [m for maps in (decoded.maps, *(a for _, a in decoded.auxiliary)) for m in maps.values()]
    torch.testing.assert_close(ours, plain, atol=1e-8, rtol=1e-8)
    variables = [*decoder.parameters(), *levels]
    gradients = [
        torch.autograd.grad(sum(m.sin().sum() for m in maps), variables, retain_graph=True)
        for maps in (ours, plain)
    ]
    scale = max(float(gradient.abs().max()) for gradient in gradients[1])
    torch.testing.assert_close(*gradients, atol=1e-9 * scale, rtol=1e-7)


@pytest.fixture
def count():
    """Return a function that counts the parameters of a decoder's parts by name, with no memory taken."""

    def parts(make, *arguments, **options):
        with torch.device("meta"):
            decoder = make(*arguments, **options)
        return {name: sum(p.numel() for p in part.parameters()) for name, part in decoder.named_children()}

    return parts


@pytest.fixture
def pascal():
    """Return the outputs of the five tasks of PASCAL-Context, by which the public codes count."""
    return {"semseg": 21, "human_parts": 7, "saliency": 1, "edge": 1, "normals": 3}


@pytest.fixture
def plain():
    return SimpleNamespace(
        conv=conv,
        norm=norm,
        conv_norm=conv_norm,
        block=block,
        resized=resized,
        distilled=distilled,
        predictor=predictor,
        agree=agree,
    )

"""Compare the stages with loops over pixels and windows, in float64."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mtlbench_mtcp.stages import Block, PatchMerging, Stages
from mtlbench_mtcp.windows import WindowAttention

TASKS, WIDTH, HEADS = 2, 8, 2
SIZES = [(6, 9), (5, 7), (2, 1), (1, 4)]


def draw(module):
    """Bring a module to float64, with every parameter away from its start."""
    torch.manual_seed(1)
    for parameter in module.double().parameters():
        nn.init.normal_(parameter, mean=0.1, std=0.4)
    return module


def features(size, streams=TASKS):
    torch.manual_seed(0)
    return torch.randn(streams, 2, *size, WIDTH, dtype=torch.float64)


def group(position, length, window, shift):
    """Say with which others a position attends: its window after a cyclic shift, and whether it was wrapped.

    Padding to whole windows comes first, as in Swin.
    """
    padded = -(-length // window) * window
    return ((position - shift) % padded) // window, position < shift


def attention(layer, x, task, window, shift):
    """Attend pixel by pixel, x (B, H, W, C)."""
    height, width = x.shape[1:3]
    qkv = F.linear(x, layer.qkv.weight[task], layer.qkv.bias[task])
    out = torch.empty_like(x)
    pixels = list(product(range(height), range(width)))
    size = x.shape[-1] // HEADS
    for i, j in pixels:
        mates = [
            (a, b)
            for a, b in pixels
            if group(a, height, window, shift) == group(i, height, window, shift)
            and group(b, width, window, shift) == group(j, width, window, shift)
        ]
        for head in range(HEADS):
            query, key, value = (
                qkv[..., part * x.shape[-1] + head * size : part * x.shape[-1] + (head + 1) * size]
                for part in range(3)
            )
            side = 2 * window - 1
            scores = torch.stack(
                [
                    (query[:, i, j] * key[:, a, b]).sum(-1) / size**0.5
                    + layer.table[task, head, (i - a + window - 1) * side + (j - b + window - 1)]
                    for a, b in mates
                ]
            )
            weights = scores.softmax(0)
            out[:, i, j, head * size : (head + 1) * size] = sum(
                w[:, None] * value[:, a, b] for w, (a, b) in zip(weights, mates, strict=True)
            )
    return F.linear(out, layer.proj.weight[task], layer.proj.bias[task])


@pytest.mark.parametrize("streams", [1, TASKS])
@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_attention_stays_within_windows(size, shift, streams):
    layer, x = draw(WindowAttention(TASKS, WIDTH, HEADS, 3, shift)), features(size, streams)
    with torch.no_grad():
        ours = layer(x)
        for task in range(TASKS):
            expected = attention(layer, x[task % streams], task, 3, shift)
            torch.testing.assert_close(ours[task], expected)


def test_products_within_windows_are_counted():
    layer = WindowAttention(TASKS, WIDTH, HEADS, 3, 0)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(features((5, 7)).float())
    pixels, windows = 2 * 5 * 7, 2 * 2 * 3
    macs = TASKS * (pixels * 4 * WIDTH**2 + windows * 2 * 9**2 * WIDTH)
    assert counter.get_total_flops() == 2 * macs


def test_block_adds_attention_and_perceptron():
    block, x = draw(Block(TASKS, WIDTH, HEADS, 3, 1)), features((5, 7))

    def normalise(layer, y, task):
        return F.layer_norm(y, (WIDTH,), layer.weight[task].flatten(), layer.bias[task].flatten())

    for task in range(TASKS):
        y = x[task] + attention(block.attn, normalise(block.norm1, x[task], task), task, 3, 1)
        hidden = F.linear(normalise(block.norm2, y, task), block.fc1.weight[task], block.fc1.bias[task])
        y = y + F.linear(F.gelu(hidden), block.fc2.weight[task], block.fc2.bias[task])
        torch.testing.assert_close(block(x)[task], y)


def test_merging_joins_two_by_two_pixels():
    layer, x = draw(PatchMerging(TASKS, WIDTH)), features((5, 3))
    ours = layer(x)
    assert ours.shape == (TASKS, 2, 3, 2, 2 * WIDTH)
    padded = torch.zeros(TASKS, 2, 6, 4, WIDTH, dtype=torch.float64)
    padded[:, :, :5, :3] = x
    for task, i, j in product(range(TASKS), range(3), range(2)):
        corners = [padded[task, :, 2 * i + a, 2 * j + b] for a, b in ((0, 0), (1, 0), (0, 1), (1, 1))]
        weight, bias = layer.norm.weight[task].flatten(), layer.norm.bias[task].flatten()
        joined = F.layer_norm(torch.cat(corners, -1), (4 * WIDTH,), weight, bias)
        torch.testing.assert_close(ours[task, :, i, j], joined @ layer.reduction.weight[task].T)


def test_stages_halve_the_size_double_the_width_and_shift_every_second_block():
    widths = (WIDTH, 2 * WIDTH, 4 * WIDTH)
    stages = Stages(TASKS, widths, (1, 2, 3), (2, 2, 2), 5).double()
    found = stages(features((7, 9), streams=1))
    assert [tuple(f.shape[2:]) for f in found] == [(7, 9, WIDTH), (4, 5, 2 * WIDTH), (2, 3, 4 * WIDTH)]
    assert [[block.attn.outside for block in blocks] for blocks in stages.blocks] == [[0], [0, 3], [0, 3, 0]]
    for feature in found:
        torch.testing.assert_close(feature.mean(-1), torch.zeros_like(feature[..., 0]))

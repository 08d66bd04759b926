import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.decoder_contract import CHANNELS, ODD, SQUARE, DecoderContract, pyramid, task_channels
from mtlbench_sharing.errors import UnevenHeads
from mtlbench_sharing.mtformer import MTFormer
from mtlbench_sharing.windows import Windows

SMALL = {"width": 8, "heads": 2, "window": 3}


class TestMTFormer(DecoderContract):
    def make(self, tasks, channels):
        return MTFormer(tasks, channels, **SMALL)


def linear(layer, x, t):
    """Map the channels of (..., C) with one task's weights."""
    bias = None if layer.bias is None else layer.bias.unflatten(0, (len(layer.weight), -1))[t]
    return F.linear(x, layer.weight[t], bias)


def normed(layer, x, t):
    """Normalise channels with one task's scale."""
    weight, bias = (v.unflatten(0, (-1, x.shape[-1]))[t] for v in (layer.weight, layer.bias))
    return F.layer_norm(x, x.shape[-1:], weight, bias)


def mlp(layer, x, t):
    """Apply one task's perceptron."""
    return linear(layer[2], F.gelu(linear(layer[0], x, t)), t)


def window_of(index, shift, side):
    """Return the number of the window in which a row or column lies; the first has `shift` of them."""
    return (index + side - shift) // side if shift else index // side


def attention(layer, source, values, t):
    """Attend from each pixel to those of its window, one pair of pixels at a time, in (B, H, W, C)."""
    height, width = values.shape[1:3]
    q, k = linear(layer.query, source, t), linear(layer.key, source, t)
    v, mixed = linear(layer.value, values, t), torch.zeros_like(values)
    depth = q.shape[-1] // layer.heads
    for y in range(height):
        for x in range(width):
            near = [
                (i, j)
                for i in range(height)
                for j in range(width)
                if window_of(i, layer.shift, layer.side) == window_of(y, layer.shift, layer.side)
                and window_of(j, layer.shift, layer.side) == window_of(x, layer.shift, layer.side)
            ]
            for head in range(layer.heads):
                own, span = slice(head * depth, (head + 1) * depth), 2 * layer.side - 1
                scores = torch.stack(
                    [
                        (q[:, y, x, own] * k[:, i, j, own]).sum(-1) / depth**0.5
                        + layer.table[t, head, (y - i + layer.side - 1) * span + x - j + layer.side - 1]
                        for i, j in near
                    ]
                )
                weights = scores.softmax(0)[..., None]
                mixed[:, y, x, own] = (weights * torch.stack([v[:, i, j, own] for i, j in near])).sum(0)
    return linear(layer.project, mixed, t)


def block(layer, x, t):
    """Apply one task's Swin block."""
    inputs = normed(layer.norm1, x, t)
    x = x + attention(layer.attn, inputs, inputs, t)
    return x + mlp(layer.mlp, normed(layer.norm2, x, t), t)


def cross_block(layer, x, others, t):
    """Apply one task's block across tasks."""
    own = normed(layer.norm1, x, t)
    kept = attention(layer.attn, own, own, t)
    told = [mlp(layer.from_own, kept, t)]
    for i, other in enumerate(others):
        seen = attention(layer.attn, normed(layer.norm1, other, t), own, t)
        told.append(mlp(layer.from_others, seen, t * len(others) + i))
    x = x + kept + mlp(layer.join, torch.cat(told, -1), t)
    return x + mlp(layer.mlp, normed(layer.norm2, x, t), t)


@pytest.mark.parametrize("streams", [1, 3])
def test_equals_one_task_at_a_time(plain, streams):
    def literal(decoder, levels):
        tasks, size = len(decoder.tasks), levels[1].shape[-2:]
        joined = [
            sum(plain.resized(conv(x[s]), size) for conv, x in zip(decoder.fuse.levels, levels, strict=True))
            for s in range(streams)
        ]
        fused = plain.norm(decoder.fuse.norm, torch.cat(joined)).relu().movedim(1, -1).chunk(streams)
        shared = []
        for x in fused:
            for layer in decoder.shared[:-1]:
                x = block(layer, x, 0)
            shared.append(normed(decoder.shared[-1], x, 0))
        own = []
        for t in range(tasks):
            x = shared[t % streams]
            for layer in decoder.own[:-1]:
                x = block(layer, x, t)
            own.append(normed(decoder.own[-1], x, t))
        maps = []
        for t, (x, head) in enumerate(zip(own, decoder.final.values(), strict=True)):
            others = [own[s] for s in range(tasks) if s != t]
            for layer in decoder.across:
                x = cross_block(layer, x, others, t)
            x = normed(decoder.across_norm, x, t).movedim(-1, 1)
            maps.append(head(plain.conv_norm(decoder.hidden[0], x, t, tasks).relu()))
        return maps

    plain.agree(MTFormer(task_channels(3), CHANNELS, **SMALL), pyramid(streams, ODD), literal)


def test_maps_have_the_size_of_the_second_level():
    maps = MTFormer(task_channels(2), CHANNELS, **SMALL)(pyramid(1, SQUARE)).maps
    assert {tuple(m.shape[-2:]) for m in maps.values()} == {(4, 4)}


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (4, 7), (8, 9)])
@pytest.mark.parametrize("side, shift", [(3, 0), (3, 1), (4, 2), (1, 0), (7, 3)])
def test_windows_hold_every_pixel_once(size, side, shift):
    windows, x = Windows(size, side, shift), torch.arange(1.0, size[0] * size[1] + 1).view(*size, 1)
    cut = windows.cut(x)
    assert torch.equal(windows.join(cut), x)
    outside = windows.outside(x.device)
    assert torch.equal(cut[..., 0] == 0, outside) and not outside.all(1).any()


def test_says_that_heads_do_not_divide_the_width():
    with pytest.raises(UnevenHeads) as error:
        MTFormer(task_channels(2), CHANNELS, width=10, heads=4)
    assert str(error.value) == (
        "width=10 cannot be divided among heads=4; change either of these options of the decoder."
    )


def test_counts_the_parameters_of_the_public_code(count):
    parts = count(MTFormer, {"semseg": 21, "human_parts": 7, "saliency": 1}, (96, 192, 384, 768))
    key_biases = 2 * 256
    assert parts["shared"] == 1_580_872 + 512 - key_biases
    assert parts["own"] == 3 * parts["shared"]
    assert parts["across"] + parts["across_norm"] == 3 * (4_734_792 - key_biases)

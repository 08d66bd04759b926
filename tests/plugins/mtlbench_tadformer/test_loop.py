"""The adapter against a loop over tasks, images and windows, in float64."""

import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.adapter_contract import TASKS, attached, images, scatter
from mtlbench_tadformer.adapter import FILTERS, TADFormer
from mtlbench_timm.backbone import Timm


@pytest.mark.parametrize("filter", FILTERS)
def test_equals_a_loop_with_its_gradients(filter):
    backbone, trainables = tuned(filter)
    image = images(2, (64, 96)).double()
    ours = backbone(image)
    single = [follow(backbone, one) for one in image]
    theirs = [torch.stack([torch.stack([im[t][s] for im in single]) for t in range(3)]) for s in range(4)]
    for a, b in zip(with_gradients(ours, trainables), with_gradients(theirs, trainables), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("filter", FILTERS)
@torch.no_grad()
def test_a_shifted_block_filters_in_windows_and_then_on_the_map(filter):
    swin = Timm("swin_tiny_patch4_window7_224", pretrained=False, image_size=(56, 84))
    backbone, _ = tuned(filter, swin)
    block, size = backbone.layers[0].blocks[1], (14, 21)
    x, prompts = torch.randn(2, *size, 96).double(), torch.randn(2, 3, 96).double()
    got, told = block(x[None], prompts[None])
    for n in range(2):
        windows = shifted_windows(block.frozen.attn, size)
        y, p, streams = loop(block, x[n].flatten(0, 1), prompts[n], windows, size, last=True)
        expected = torch.stack([y, *streams]).unflatten(1, size)
        torch.testing.assert_close(got[:, n], expected, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(told[0, n], p, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("filter", FILTERS)
@torch.no_grad()
def test_a_plain_transformer_filters_patches_alone(filter):
    vit = Timm("vit_tiny_patch16_224", pretrained=False, image_size=(48, 80))
    backbone, _ = tuned(filter, vit)
    seen = []
    block = backbone.blocks[5]
    block.register_forward_hook(lambda _m, inputs, outputs: seen.append((inputs, outputs)))
    backbone(images(2, (48, 80)).double())
    ((x, prompts), (got, told)) = seen[0]
    for n in range(2):
        windows = [(torch.arange(16), (3, 5), None)]
        y, p, streams = loop(block, x[0, n], prompts[0, n], windows, (3, 5), last=True)
        torch.testing.assert_close(got[0, n], y, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(told[0, n], p, rtol=1e-8, atol=1e-8)
        patches = torch.stack(streams)[:, 1:]
        torch.testing.assert_close(got[1:, n, 1:], patches, rtol=1e-8, atol=1e-8)


def tuned(filter, backbone=None):
    """Attach an adapter whose weights have left their start."""
    torch.manual_seed(0)
    backbone, trainables = attached(TADFormer(TASKS, rank=3, dropout=0.0, filter=filter), backbone)
    scatter(trainables)
    return backbone.double().eval(), trainables


def follow(backbone, image):
    """Run the tiny backbone on one image (3, H, W): levels[t][stage] (C, h, w)."""
    x = backbone.patch_embed(image[None])[0].movedim(0, -1)
    prompts = backbone.tokens.prompts
    levels = [[] for _ in TASKS]
    for s, stage in enumerate(backbone.stages):
        size = tuple(x.shape[:2])
        flat = x.flatten(0, 1)
        prompts = prompts if s == 0 else prompts @ backbone.tokens.widen[s - 1].weight.T
        for b, block in enumerate(stage.blocks):
            windows = whole_map(block.frozen.attn, size)
            flat, prompts, streams = loop(block, flat, prompts, windows, size, last=b == 1)
        merge = (lambda y: y) if stage.merging is None else (lambda y: stage.merging(y[None, None])[0, 0])  # noqa: B023
        x = merge(flat.view(x.shape))
        for t, y in enumerate(streams):
            levels[t].append(merge(y.unflatten(0, size)).movedim(-1, 0))
    return levels


def with_gradients(levels, trainables):
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in levels)
    return [*levels, *torch.autograd.grad(loss, list(trainables.values()))]


def loop(block, x, prompts, windows, size, last):
    """Run one block on one image: x (N, C), prompts (T, C), windows [(tokens, (h, w), bias or None)].

    Returns x, the prompts, and x_t (T, N, C) in the last block of a stage.
    """
    parts, heads, count = block.frozen, block.frozen.attn.heads, len(prompts)
    qkv, proj, fc1, fc2 = parts.attn.qkv, parts.attn.proj, parts.mlp.fc1, parts.mlp.fc2
    attended, told = torch.zeros_like(x), []
    own, weighed = (x.new_zeros(count, *x.shape) for _ in range(2))
    for tokens, window, bias in windows:
        q, k, v = product(qkv, torch.cat([parts.norm1(prompts), parts.norm1(x)[tokens]])).chunk(3, -1)
        heads_of = [part.unflatten(-1, (heads, -1)).transpose(0, 1) for part in (q, k, v)]
        raw = heads_of[0] @ heads_of[1].mT
        scaled = raw / heads_of[0].shape[-1] ** 0.5
        if bias is not None:
            scaled[:, count:, count:] += bias
        z = (scaled.softmax(-1) @ heads_of[2]).transpose(0, 1).flatten(1)
        told.append(product(proj, z[:count]))
        z = z[count:]
        attended[tokens] = product(proj, z)
        for t in range(count if last else 0):
            weight = F.gelu(raw[:, t, count:]).T.repeat_interleave(x.shape[1] // heads, 1)
            weighed[t, tokens] = z * weight
            conditioned = F.layer_norm(z * weight + z, z.shape[1:], proj.norm.weight, proj.norm.bias)
            inner = filtered(proj.filter, t, conditioned @ proj.A.T, window)
            own[t, tokens] = product(proj, z, inner)
    shortcut, x, prompt = x, x + attended, torch.stack(told).mean(0)
    normed = parts.norm2(x)
    hidden = F.gelu(product(fc1, normed))
    prompts = prompts + product(fc2, F.gelu(product(fc1, parts.norm2(prompt))))
    streams, gate = [], torch.sigmoid(block.gate) if last else None
    for t in range(count if last else 0):
        y = shortcut + own[t]
        inner = filtered(fc1.filter, t, parts.norm2(y) @ fc1.A.T, size)
        mine = F.gelu(product(fc1, normed, inner))
        y = y + product(fc2, hidden, filtered(fc2.filter, t, mine @ fc2.A.T, size))
        streams.append(gate * weighed[t] + (1 - gate) * y)
    return x + product(fc2, hidden), prompts, streams


def product(layer, x, inner=None):
    """Multiply with W, and add b and the update of x, or of what its A made already."""
    return layer.frozen(x) + 4.0 * (x @ layer.A.T if inner is None else inner) @ layer.B.T


def filtered(filter, task, x, size):
    """Filter the last h·w tokens of x (N, r) as one map; those before them stay."""
    others = len(x) - size[0] * size[1]
    channels = x[others:].T.unflatten(1, size)
    if hasattr(filter, "kernel"):
        kernel, bias = filter.kernel[task], filter.bias.view(len(TASKS), -1)[task]
    else:
        raw = filter.kernels(channels.mean((1, 2))).view(-1, 9)
        unit = (raw - raw.mean(1, keepdim=True)) / raw.std(1, keepdim=True)
        kernel = (filter.std.view(-1, 9) * unit + filter.mean.view(-1, 9)).view(-1, 3, 3)
        bias = torch.zeros(len(raw), dtype=x.dtype)
    padded = F.pad(channels, (1, 1, 1, 1))
    out = bias[:, None, None] + torch.zeros_like(channels)
    for i in range(3):
        for j in range(3):
            out = out + kernel[:, i, j, None, None] * padded[:, i : i + size[0], j : j + size[1]]
    return torch.cat([x[:others], out.flatten(1).T])


def whole_map(attn, size):
    """Return the only window of the tiny backbone."""
    place = torch.cartesian_prod(*(torch.arange(side, dtype=torch.float64) for side in size))
    bias = attn.rel_pos_bias[:, None, None] * (place[:, None] - place).norm(dim=-1)
    return [(torch.arange(len(place)), size, bias)]


def shifted_windows(attn, size):
    """Return the windows of a shifted Swin block: 7 x 7 places, cyclically moved by 3."""
    table = attn.relative_position_bias_table[attn.relative_position_index.flatten()]
    bias = table.view(49, 49, -1).permute(2, 0, 1)
    windows = []
    for top in range(0, size[0], 7):
        for left in range(0, size[1], 7):
            rows, columns = ((torch.arange(7) + start + 3) for start in (top, left))
            wrapped = (rows >= size[0])[:, None] * 2 + (columns >= size[1])
            apart = wrapped.flatten()[:, None] != wrapped.flatten()
            tokens = (rows % size[0])[:, None] * size[1] + columns % size[1]
            windows.append((tokens.flatten(), (7, 7), bias - 100.0 * apart))
    return windows

import pytest
import torch
import torch.nn.functional as F

from mtlbench.testing.decoder_contract import CHANNELS, ODD, DecoderContract, pyramid, task_channels
from mtlbench_sharing.errors import UnevenHeads
from mtlbench_sharing.invpt import InvPT

LARGE = ((24, 40), (12, 20), (6, 10), (3, 5))
SMALL = {"width": 12, "widths": (16, 8, 4), "heads": 2, "hidden": 10}


class TestInvPT(DecoderContract):
    sizes = LARGE

    def make(self, tasks, channels):
        return InvPT(tasks, channels, **SMALL)


def normed(layer, x):
    """Normalise the channels of (B, C, H, W)."""
    mean, var = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
    scaled = (x - mean) / (var + layer.eps).sqrt()
    return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]


def attended(plain, block, features, scores):
    """Let one query at a time attend to the keys of all tasks; scores are a list (B, heads, keys, h, w)."""
    tasks, width = len(features), features[0].shape[1]
    inputs = [normed(block.norm1, x) for x in features]
    memory = torch.cat(
        [F.avg_pool2d(x, block.pool, ceil_mode=True).flatten(2).movedim(1, 2) for x in inputs], 1
    )
    result, handed = [], []
    for t, x in enumerate(inputs):
        rows = slice(t * width, (t + 1) * width)
        shrunk = F.conv2d(x, block.shrink.weight[rows], stride=2, padding=1, groups=width)
        shrunk = plain.norm(block.shrink_norm, shrunk, t, tasks)
        size = shrunk.shape[-2:]
        q, k, v = (
            layer(y).chunk(block.heads, -1)
            for layer, y in (
                (block.query, shrunk.movedim(1, -1)),
                (block.key, memory),
                (block.value, memory),
            )
        )
        found = torch.stack(
            [torch.einsum("bhwd,bkd->bkhw", q[i], k[i]) / width**0.5 for i in range(block.heads)], 1
        )
        if scores is not None:
            before = torch.stack([plain.resized(scores[t][:, i], size) for i in range(block.heads)], 1)
            weight = block.mix.weight[:, :, 0, 0]
            found = torch.einsum("oi,bikhw->bokhw", weight, torch.cat([found, before], 1))
        handed.append(found)
        chosen = found.exp() / found.exp().sum(2, keepdim=True)
        mixed = torch.cat(
            [torch.einsum("bkhw,bkd->bhwd", chosen[:, i], v[i]) for i in range(block.heads)], -1
        )
        y = features[t] + plain.resized(block.project(mixed).movedim(-1, 1), x.shape[-2:])
        result.append(y + block.mlp(normed(block.norm2, y).movedim(1, -1)).movedim(-1, 1))
    return result, handed


@pytest.mark.parametrize("streams, sizes, reduction", [(1, LARGE, 1), (3, LARGE, 2), (3, ODD, 1)])
def test_equals_one_task_at_a_time(plain, streams, sizes, reduction):
    def literal(decoder, levels):
        tasks = len(decoder.tasks)
        size = [-(-length // reduction) for length in levels[-1].shape[-2:]]
        xs, early = [], []
        for t, task in enumerate(decoder.tasks):
            x = plain.resized(levels[-1][t % streams], size)
            for pair in list(decoder.preliminary)[::2]:
                x = plain.conv_norm(pair, x, t, tasks).relu()
            early.append(decoder.early[task](x))
            xs.append(plain.conv(decoder.mix, x, t, tasks) + decoder.mix_maps[task](early[-1]))
        scores, joined = None, [0.0] * tasks
        for i, stage in enumerate(decoder.stages):
            now = [length * 2**i for length in size]
            for t in range(tasks):
                if i:
                    xs[t] = plain.resized(xs[t], now)
                    for pair in list(stage.up)[::2]:
                        xs[t] = plain.conv_norm(pair, xs[t], t, tasks, dilation=2).relu()
                xs[t] = xs[t] + stage.skip(plain.resized(levels[2 - i][t % streams], now))
            xs, scores = attended(plain, stage.block, xs, scores)
            every = normed(decoder.norms[i], torch.cat(xs, 1)).chunk(tasks, 1)
            for t, x in enumerate(every):
                x = plain.conv(decoder.to_first[i - 1], x, t, tasks) if i else x
                joined[t] = joined[t] + plain.resized(x, [8 * length for length in size])
        joined = [plain.conv_norm(decoder.join[0], x, t, tasks).relu() for t, x in enumerate(joined)]
        return [head(x) for head, x in zip(decoder.final.values(), joined, strict=True)] + early

    plain.agree(
        InvPT(task_channels(3), CHANNELS, reduction=reduction, **SMALL), pyramid(streams, sizes), literal
    )


def test_keys_are_as_many_in_every_stage():
    decoder, found = InvPT(task_channels(3), CHANNELS, **SMALL), []
    for stage in decoder.stages:
        stage.register_forward_hook(lambda _, __, output: found.append(tuple(output[1].shape)))
    decoder(pyramid(1, LARGE))
    assert found == [(2, 2, 3, 2, 3, 18), (2, 2, 3, 3, 5, 18), (2, 2, 3, 6, 10, 18)]


def test_says_which_widths_stages_may_have():
    with pytest.raises(UnevenHeads) as error:
        InvPT(task_channels(2), CHANNELS, widths=(16, 8, 4), heads=3)
    assert str(error.value) == (
        "widths=(16, 8, 4) cannot be divided among heads=3; change either of these options of the decoder."
    )


def test_counts_the_parameters_of_the_public_code(count, pascal):
    widths, first = (576, 288, 144), 576
    unused = (4 * 2 + 2) + 2 * 5 * widths[-1] + 5 * (first * first + first)
    cancelled = sum(widths) + 2 * 2 + 5 * first
    assert sum(count(InvPT, pascal, (1024,) * 4).values()) == 118_778_640 - unused - cancelled

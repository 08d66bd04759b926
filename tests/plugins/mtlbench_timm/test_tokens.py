"""Extra tokens, streams of bias tables and streams of patch embeddings, against one pass after another."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench.testing.tiny_backbone import TinyBackbone

TASKS, PROMPTS = 3, 4


class Prompts(nn.Module):
    """Bring tokens per task into the first stage, and drop them there or let them travel."""

    def __init__(self, streams, width, travel):
        super().__init__()
        self.value, self.travel = nn.Parameter(torch.randn(streams, 1, PROMPTS, width)), travel

    def forward(self, stage, tokens):
        return self.value if stage == 0 else (tokens if self.travel else None)


def width(driver):
    return next(driver.get_submodule(s.path) for s in driver.sites() if s.role == "norm1").weight.shape[0]


def dense(attn, x, tokens):
    """Attend with tokens in every window by hand: scores, biases, softmax."""
    windows = attn.windows(x)
    count, places = windows.shape[2:4]
    table = getattr(attn, "relative_position_bias_table", None)
    outs = []
    for w in range(count):
        both = torch.cat([tokens.expand(*x.shape[:2], *tokens.shape[2:]), windows[:, :, w]], 2)
        q, k, v = attn.qkv(both).unflatten(-1, (3, attn.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        scores = q @ k.mT / q.shape[-1] ** 0.5
        if table is not None:
            bias = table[attn.relative_position_index.flatten()].view(places, places, -1).permute(2, 0, 1)
            scores[..., -places:, -places:] += bias
            if any(attn.shift):
                mask = shifted(attn, x)
                scores[..., -places:, -places:] += mask[w]
        outs.append((scores.softmax(-1) @ v).transpose(2, 3).flatten(3))
    mixed = torch.stack(outs, 2)
    extra = tokens.shape[2]
    joined = attn.join(mixed[..., extra:, :], x)
    return attn.proj(joined), attn.proj(mixed[..., :extra, :]).mean(2)


def shifted(attn, x):
    """Return (windows, N, N): -100 between places that only the cyclic shift made neighbours."""
    side = [size + -size % window for size, window in zip(x.shape[2:4], attn.window, strict=True)]
    places = []
    for length, window, shift in zip(side, attn.window, attn.shift, strict=True):
        region = torch.zeros(length)
        region[length - window : length - shift] = 1
        region[length - shift :] = 2
        places.append(region)
    region = places[0][:, None] * 3 + places[1]
    tall, wide = attn.window
    region = (
        region.unflatten(1, (-1, wide)).unflatten(0, (-1, tall)).permute(0, 2, 1, 3).reshape(-1, tall * wide)
    )
    return (region[:, None] != region[:, :, None]) * -100.0


@pytest.mark.parametrize("place", [0, 1])
@torch.no_grad()
def test_tokens_join_every_window(pair, place):
    driver = pair("swin").driver
    blocks = [site for site in driver.sites() if site.role == "attn"]
    attn = driver.get_submodule(blocks[place].path)
    nn.init.normal_(attn.relative_position_bias_table)
    x, tokens = torch.randn(2, 3, 7, 10, width(driver)), torch.randn(2, 1, PROMPTS, width(driver))
    got, told = attn(x, tokens)
    expected, expected_told = dense(attn, x, tokens)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(told, expected_told, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("travel", [False, True])
@torch.no_grad()
def test_tokens_per_task_equal_one_pass_per_task(pair, family, travel):
    if family == "swin" and travel:
        pytest.skip("widths of stages differ")
    driver = pair(family).driver
    prompts = Prompts(TASKS, width(driver), travel)
    driver.tokens = prompts
    image = torch.randn(2, 3, 64, 96)
    levels = driver(image)
    for task in range(TASKS):
        single = Prompts(1, width(driver), travel)
        single.value.copy_(prompts.value[task : task + 1])
        driver.tokens = single
        for level, expected in zip(levels, driver(image), strict=True):
            torch.testing.assert_close(level[task], expected[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_plain_transformer_sees_tokens_as_further_places(pair):
    """Tokens that travel equal tokens in the sequence, where nothing but attention mixes places."""
    both = pair("vit")
    driver, image = both.driver, torch.randn(2, 3, 64, 96)
    prompts = Prompts(1, width(driver), travel=True)
    driver.tokens = prompts
    got = driver(image)
    driver.tokens = None
    patches = driver.patch_embed(image)
    x = driver.norm_pre(driver._tokens(patches))
    x = torch.cat([prompts.value.expand(1, 2, -1, -1), x], 2)
    levels = []
    for index, block in enumerate(driver.blocks):
        x, _ = block(x)
        if index in driver._ends:
            levels.append(x[:, :, PROMPTS + driver.prefix :].unflatten(2, patches.shape[2:4]))
    for level, expected in zip(got, driver.pyramid(levels, image.shape[-2:]), strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-5)


def stream_table(backbone, scale):
    """Give every bias table a stream per task; return the plain tables of each task."""
    tables = {
        n: p.detach() for n, p in backbone.named_parameters() if backbone.parameter_role(n) == "rel_pos_bias"
    }
    tasks = [
        {name: table + scale * torch.randn_like(table) for name, table in tables.items()}
        for _ in range(TASKS)
    ]
    for name in tables:
        put(backbone, name, torch.stack([task[name] for task in tasks]))
    return tasks


def put(backbone, name, value):
    module, _, attribute = name.rpartition(".")
    setattr(backbone.get_submodule(module), attribute, nn.Parameter(value))


@pytest.mark.parametrize("make", ["swin", "tiny"])
@torch.no_grad()
def test_tables_per_task_equal_one_pass_per_task(pair, make):
    backbone = pair("swin").driver if make == "swin" else TinyBackbone()
    tasks = stream_table(backbone, 0.5)
    image = torch.randn(2, 3, 64, 96)
    levels = backbone(image)
    for task, tables in enumerate(tasks):
        for name, table in tables.items():
            put(backbone, name, table)
        for level, expected in zip(levels, backbone(image), strict=True):
            torch.testing.assert_close(level[task], expected[0], rtol=1e-4, atol=1e-5)


class Shifted(nn.Module):
    """Embed patches once per task, with an offset of its own; streams are folded into the batch."""

    def __init__(self, frozen, offsets):
        super().__init__()
        self.frozen, self.offsets = frozen, offsets

    def forward(self, image):
        return (self.frozen(image) + self.offsets[:, None, :, None, None]).flatten(0, 1)


@pytest.mark.parametrize("make", ["family", "tiny"])
@torch.no_grad()
def test_patches_may_fan_out(pair, family, make):
    backbone = pair(family).driver if make == "family" else TinyBackbone()
    path = "patch_embed.proj" if make == "family" else "patch_embed"
    frozen = backbone.get_submodule(path)
    offsets = torch.randn(TASKS, frozen.out_channels)
    image = torch.randn(2, 3, 64, 96)
    backbone.set_submodule(path, Shifted(frozen, offsets))
    levels = backbone(image)
    for task in range(TASKS):
        backbone.set_submodule(path, Shifted(frozen, offsets[task : task + 1]))
        for level, expected in zip(levels, backbone(image), strict=True):
            torch.testing.assert_close(level[task], expected[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_places_come_last_in_a_window(pair, family):
    driver = pair(family).driver
    driver(torch.randn(2, 3, 64, 96))
    for site in (site for site in driver.sites() if site.role == "attn"):
        height, width = driver.get_submodule(site.path).window
        if family == "swin":
            assert (
                driver.get_submodule(site.path).windows(torch.randn(1, 2, 5, 6, 3)).shape[3] == height * width
            )
        else:
            assert (height, width) == tuple(size // driver.patch_embed.size for size in (64, 96))


@torch.no_grad()
def test_the_tiny_backbone_takes_tokens_too():
    backbone = TinyBackbone()
    backbone.tokens = Prompts(TASKS, 8, travel=False)
    image = torch.randn(2, 3, 64, 96)
    levels = backbone(image)
    assert [level.shape[0] for level in levels] == [TASKS] * 4
    attn = backbone.stages[0].blocks[0].attn
    x, tokens = torch.randn(1, 2, 4, 5, 8), torch.randn(TASKS, 1, 2, 8)
    got, told = attn(x, tokens)
    x = x.expand(TASKS, *x.shape[1:])
    position = torch.stack(torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij"), -1).flatten(
        0, 1
    )
    both = torch.cat([tokens.expand(-1, 2, -1, -1), x.flatten(2, 3)], 2)
    q, k, v = attn.qkv(both).unflatten(-1, (3, attn.heads, -1)).permute(3, 0, 1, 4, 2, 5)
    bias = F.pad(attn.rel_pos_bias[:, None, None] * torch.cdist(position, position), (2, 0, 2, 0))
    out = attn.proj((((q @ k.mT) / 2.0 + bias).softmax(-1) @ v).transpose(2, 3).flatten(3))
    torch.testing.assert_close(got.flatten(2, 3), out[:, :, 2:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(told, out[:, :, :2], rtol=1e-4, atol=1e-5)

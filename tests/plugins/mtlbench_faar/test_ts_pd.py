import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mtlbench.testing.decoder_contract import (
    CHANNELS,
    ODD,
    SQUARE,
    DecoderContract,
    pyramid,
    task_channels,
)
from mtlbench_faar.spectral import bands
from mtlbench_faar.ts_pd import TSPD, UnknownRadius

PASCAL = {"semseg": 21, "human_parts": 7, "saliency": 1, "normals": 3}
NECK = (2, 3, 4, 5)


class TestTSPD(DecoderContract):
    def make(self, tasks, channels):
        return TSPD(tasks, channels, neck_channels=NECK, bins=4)


def perturbed(count=3, **options):
    """Make a decoder in float64 with every parameter of the spectral part away from its start."""
    torch.manual_seed(0)
    decoder = TSPD(task_channels(count), CHANNELS, neck_channels=NECK, **options).double()
    for part in filter(None, (decoder.filter, decoder.consensus)):
        for parameter in part.parameters():
            nn.init.normal_(parameter, mean=0.5)
    return decoder


def radius_at(row, column, height, width, kind):
    """Return the radius of one coefficient from its definition."""
    if kind == "released":
        y = -1 + 2 * row / (height - 1) if height > 1 else -1
        x = column / (width // 2) if width > 1 else 0
    else:
        y, x = 2 * min(row, height - row) / height, 2 * column / width
    return min(1.0, math.hypot(y, x))


def literal(decoder, levels):
    """Decode as the paper lists the steps: one task and level at a time, back to pixels after each step."""
    size = levels[0].shape[-2:]
    height, width = size
    shape = (height, width // 2 + 1)
    radius = torch.tensor(
        [[radius_at(i, j, *size, decoder.radius) for j in range(shape[1])] for i in range(shape[0])],
        dtype=torch.float64,
    )
    ring = torch.bucketize(radius, torch.linspace(0, 1, decoder.bins + 1).double()[1:-1])
    low, edge = radius <= 0.5, ((radius - 0.8) / 0.2).clamp(0, 1)

    def rfft2(x):
        return torch.fft.rfft2(x, norm="ortho")

    def irfft2(x):
        return torch.fft.irfft2(x, s=size, norm="ortho")

    projected = [
        [
            F.interpolate(F.conv2d(x[t], neck.weight[t][:, :, None, None]), size, mode="bilinear")
            for x, neck in zip(levels, decoder.neck, strict=True)
        ]
        for t in range(len(decoder.tasks))
    ]
    maps = {}
    for t, (task, head) in enumerate(decoder.heads.items()):
        mixed, start = [], 0
        for b, image in enumerate(projected[t]):
            f, own = decoder.filter, slice(start, start + image.shape[1])
            start += image.shape[1]
            y = irfft2(rfft2(image) * (1 + f.weight[t, own][:, ring]))
            y = y * f.scale[t, own, None, None] + f.shift[t, own, None, None]
            image = image + f.alpha[t, b] * y
            if decoder.consensus is not None:
                c, s = decoder.consensus, rfft2(image)
                donors = [rfft2(projected[d][b]) for d in range(len(projected)) if d != t]
                mean = torch.stack(donors).mean(0)
                strength = 0.5 * c.a_low[t, b].sigmoid()
                amplitude = s.abs() + strength * (c.gamma_low[t, b] * mean.abs() - s.abs())
                out = torch.where(low, amplitude * torch.exp(1j * s.angle()), s)
                out = out + 0.3 * c.a_edge[t, b].sigmoid() * edge * (c.gamma_edge[t, b] * mean - s)
                image = irfft2(out)
            mixed.append(image)
        hidden = F.conv2d(torch.cat(mixed, 1), head.fuse.weight[:, :, None, None], head.fuse.bias)
        norm = nn.BatchNorm2d(hidden.shape[1]).double()
        norm.weight, norm.bias = head.norm.weight, head.norm.bias
        maps[task] = F.conv2d(norm(hidden).relu(), head.predict.weight[:, :, None, None], head.predict.bias)
    return maps


@pytest.mark.parametrize(
    "sizes", [SQUARE, ODD, ((6, 5), (3, 3), (2, 2), (1, 1))], ids=["even", "odd", "mixed"]
)
@pytest.mark.parametrize("radius", ["true", "released"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_equals_the_steps_of_the_paper(count, radius, sizes):
    decoder = perturbed(count, radius=radius)
    levels = [level.double().requires_grad_() for level in pyramid(count, sizes)]
    variables = [*decoder.parameters(), *levels]
    expected, got = literal(decoder, levels), decoder(levels).maps
    wanted = torch.autograd.grad(sum(m.square().sum() for m in expected.values()), variables)
    gradients = torch.autograd.grad(sum(m.square().sum() for m in got.values()), variables)
    for task in expected:
        torch.testing.assert_close(got[task], expected[task], atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(gradients, wanted, atol=1e-7, rtol=1e-7)


def test_counts_the_published_parameters():
    decoder = TSPD(PASCAL, (192, 384, 768, 768))
    own = [p for part in (decoder.filter, decoder.consensus) for p in part.parameters()]
    assert sum(p.numel() for p in own) == 19_520
    assert sum(p.numel() for p in decoder.parameters()) == 1_966_144


@pytest.mark.parametrize("radius", ["true", "released"])
@pytest.mark.parametrize("size", [(56, 56), (7, 9), (24, 32), (1, 1)])
def test_every_coefficient_is_in_one_bin_and_at_most_one_band(size, radius):
    plane = bands(*size, 16, radius, torch.device("cpu"), torch.float32)
    torch.testing.assert_close(plane.bins.sum(0), torch.ones(size[0] * (size[1] // 2 + 1)))
    if radius == "true":
        assert not plane.edge[plane.low_index].any()
        assert plane.low.eq(1).all() and plane.low_index[0] == 0 and plane.bins[0, 0] == 1


def test_bins_are_radial_in_frequency_by_default_and_not_as_released():
    rows = torch.arange(16.0)[:, None].expand(16, 16)
    slow = torch.cos(2 * torch.pi * rows / 16)  # one period along the rows: frequency 1/8 of Nyquist
    energy = torch.fft.rfft2(slow).abs().flatten()
    for radius, expected in (("true", [1, 0, 0, 0]), ("released", [0, 0, 0, 1])):
        plane = bands(16, 16, 4, radius, torch.device("cpu"), torch.float32)
        torch.testing.assert_close(plane.bins @ energy / energy.sum(), torch.tensor(expected).float())


def test_a_filter_of_equal_weights_only_scales():
    decoder = perturbed(1)
    nn.init.constant_(decoder.filter.weight, 0.3)
    nn.init.zeros_(decoder.filter.shift)
    features = torch.randn(1, 2, sum(NECK), 5, 8, dtype=torch.float64)
    alpha = decoder.filter.alpha[0].repeat_interleave(torch.tensor(NECK))
    gain = 1 + 1.3 * alpha * decoder.filter.scale[0]
    torch.testing.assert_close(decoder.mix(features), features * gain[:, None, None])


def test_consensus_keeps_the_phase_of_low_frequencies_and_tasks_that_agree():
    decoder = TSPD(task_channels(3), CHANNELS, neck_channels=NECK).double()
    plane = bands(8, 8, 16, "true", torch.device("cpu"), torch.float64)
    projected = torch.fft.rfft2(torch.randn(3, 2, sum(NECK), 8, 8, dtype=torch.float64)).flatten(-2)
    mixed = decoder.consensus(projected, projected, plane)
    low = plane.low_index
    torch.testing.assert_close(mixed[..., low].angle(), projected[..., low].angle())
    assert (mixed[..., low].abs() - projected[..., low].abs()).abs().max() > 0.1
    same = projected[:1].expand(3, -1, -1, -1)
    torch.testing.assert_close(decoder.consensus(same, same, plane), same)


def test_each_task_sees_the_others_and_only_in_the_two_bands():
    decoder, levels = perturbed(3), [level.double() for level in pyramid(3)]
    before = decoder(levels).maps
    with torch.no_grad():
        for neck in decoder.neck:
            neck.weight[2] += 1
    after = decoder(levels).maps
    assert all((after[task] - before[task]).abs().max() > 1e-3 for task in before)

    features = torch.randn(3, 2, sum(NECK), 8, 8, dtype=torch.float64)
    changed = features.clone()
    changed[2] += torch.randn_like(changed[2])
    difference = (
        torch.fft.rfft2(decoder.mix(changed)[0] - decoder.mix(features)[0]).abs().amax((0, 1)).flatten()
    )
    plane = bands(8, 8, 16, "true", torch.device("cpu"), torch.float64)
    reached = (plane.edge > 0).index_fill(0, plane.low_index, True)
    assert difference[~reached].max() < 1e-10 < 1e-3 < difference[reached].min()


def test_trains_after_an_evaluation_in_inference_mode_at_a_new_size():
    decoder, sizes = perturbed(2, bins=5), ((10, 6), (5, 3), (3, 2), (2, 1))
    levels = [level.double() for level in pyramid(2, sizes)]
    with torch.inference_mode():
        decoder(levels)
    sum(m.sum() for m in decoder(levels).maps.values()).backward()
    assert decoder.filter.weight.grad.isfinite().all()


def test_mixes_in_float32_under_autocast(monkeypatch):
    decoder, seen = TSPD(task_channels(2), CHANNELS, neck_channels=NECK), []
    mix = decoder.mix
    monkeypatch.setattr(decoder, "mix", lambda features: seen.append(features.dtype) or mix(features))
    with torch.autocast("cpu", torch.bfloat16):
        decoder(pyramid(2))
    assert seen == [torch.float32]


def test_refuses_an_unknown_radius():
    with pytest.raises(
        UnknownRadius, match="radius='square' is not one of true, released; take one of these"
    ):
        TSPD(PASCAL, CHANNELS, radius="square")

"""Time the decoders against plain loops over tasks, interleaved, on equal weights and inputs.

Run `python benchmarks/decoders.py [rounds]`; both sides must agree before anything is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mtlbench_faar.spectral import true_radius
from mtlbench_faar.ts_pd import TSPD
from mtlbench_hrnet.decoder import HRNet


class Setting(NamedTuple):
    """Describe the pyramid that decoders are timed on."""

    tasks: dict[str, int]
    batch: int
    channels: tuple[int, ...]
    neck_channels: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]


SETTINGS = {
    "Swin-T, 448 pixels": Setting(
        {"semseg": 21, "human_parts": 7, "saliency": 1, "normals": 3},
        2,
        (192, 384, 768, 768),
        (18, 36, 72, 144),
        ((56, 56), (28, 28), (14, 14), (14, 14)),
    ),
    "synthrooms": Setting(
        {"semseg": 12, "depth": 1, "normals": 3, "edge": 1, "saliency": 1},
        8,
        (32, 64, 128, 256),
        (12, 24, 36, 48),
        ((24, 32), (12, 16), (6, 8), (3, 4)),
    ),
}


def project(decoder: HRNet | TSPD, levels: list[Tensor], task: int) -> list[Tensor]:
    """Project the levels of one task and resize them to the finest."""
    return [
        F.interpolate(
            F.conv2d(x[task], neck.weight[task][:, :, None, None]), levels[0].shape[-2:], mode="bilinear"
        )
        for x, neck in zip(levels, decoder.neck, strict=True)
    ]


def predict(decoder: HRNet | TSPD, task: str, features: list[Tensor]) -> Tensor:
    """Predict one task from its concatenated levels."""
    head = decoder.heads[task]
    hidden = F.conv2d(torch.cat(features, 1), head.fuse.weight[:, :, None, None], head.fuse.bias)
    hidden = F.relu(F.batch_norm(hidden, None, None, head.norm.weight, head.norm.bias, training=True))
    return F.conv2d(hidden, head.predict.weight[:, :, None, None], head.predict.bias)


def loop_hrnet(decoder: HRNet, levels: list[Tensor]) -> dict[str, Tensor]:
    """Decode one task after another."""
    return {task: predict(decoder, task, project(decoder, levels, t)) for t, task in enumerate(decoder.tasks)}


def loop_ts_pd(decoder: TSPD, levels: list[Tensor]) -> dict[str, Tensor]:
    """Decode one task after another, each with the spectra of its own donors, level by level."""
    size, f, c = levels[0].shape[-2:], decoder.filter, decoder.consensus
    radius = true_radius(*size).float()
    ring = torch.bucketize(radius, torch.linspace(0, 1, decoder.bins + 1)[1:-1])
    low, edge = (radius <= 0.5).float(), ((radius - 0.8) / 0.2).clamp(0, 1)
    projected = [project(decoder, levels, t) for t in range(len(decoder.tasks))]
    maps = {}
    for t, task in enumerate(decoder.tasks):
        mixed = []
        own = [slice(*pair) for pair in _spans(decoder.neck_channels)]
        for b, image in enumerate(projected[t]):
            weight = 1 + f.weight[t, own[b]][:, ring]
            y = torch.fft.irfft2(torch.fft.rfft2(image, norm="ortho") * weight, s=size, norm="ortho")
            y = y * f.scale[t, own[b], None, None] + f.shift[t, own[b], None, None]
            s = torch.fft.rfft2(image + f.alpha[t, b] * y, norm="ortho")
            donors = [torch.fft.rfft2(projected[d][b], norm="ortho") for d in range(len(projected)) if d != t]
            mean = torch.stack(donors).mean(0)
            amplitude, donor = (low * s).abs(), (low * mean).abs()
            phase = low * s / amplitude.clamp(min=1e-6)
            moved = amplitude + 0.5 * c.a_low[t, b].sigmoid() * (c.gamma_low[t, b] * donor - amplitude)
            out = (1 - low) * s + phase * moved
            out = out + 0.3 * c.a_edge[t, b].sigmoid() * edge * (c.gamma_edge[t, b] * mean - s)
            mixed.append(torch.fft.irfft2(out, s=size, norm="ortho"))
        maps[task] = predict(decoder, task, mixed)
    return maps


def _spans(widths: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(sum(widths[:i]), sum(widths[: i + 1])) for i in range(len(widths))]


def step(decode: Callable[[], dict[str, Tensor]], variables: list[Tensor]) -> tuple[Tensor, ...]:
    """Run forward and backward once."""
    return torch.autograd.grad(sum(m.square().mean() for m in decode().values()), variables)


def main(rounds: int = 7) -> None:
    """Check that both forms agree, and print median CPU times and their ratio."""
    torch.set_num_threads(1)
    for title, setting in SETTINGS.items():
        torch.manual_seed(0)
        shapes = zip(setting.sizes, setting.channels, strict=True)
        # channels last, as transformers yield them
        levels = [
            torch.randn(len(setting.tasks), setting.batch, *size, channels).movedim(-1, 2).requires_grad_()
            for size, channels in shapes
        ]
        for decoder_class, loop in ((HRNet, loop_hrnet), (TSPD, loop_ts_pd)):
            decoder = decoder_class(setting.tasks, setting.channels, setting.neck_channels)
            variables = [*decoder.parameters(), *levels]
            sides = {
                "ours": lambda decoder=decoder, levels=levels: decoder(levels).maps,
                "loop": lambda decoder=decoder, levels=levels, loop=loop: loop(decoder, levels),
            }
            ours, theirs = sides["ours"](), sides["loop"]()
            error = max((ours[task] - theirs[task]).abs().max().item() for task in ours)
            if error > 1e-4:
                raise SystemExit(
                    f"{decoder_class.__name__}: outputs differ by {error}; fix that before timing."
                )
            times: dict[str, list[float]] = {name: [] for name in sides}
            for _ in range(rounds):
                for name, decode in sides.items():
                    start = process_time()
                    step(decode, variables)
                    times[name].append(process_time() - start)
            mine, loops = median(times["ours"]), median(times["loop"])
            print(
                f"{title}: {decoder_class.__name__:5} ours {mine * 1e3:6.0f} ms, loop {loops * 1e3:6.0f} ms, "
                f"ratio {mine / loops:.2f}, outputs equal to {error:.0e}"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

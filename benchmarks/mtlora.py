"""Time a training step of MTLoRA on Swin-T against a loop over tasks, and against the public release.

All sides get equal weights and images, are checked to agree in outputs and gradients, and run interleaved::

    python benchmarks/mtlora.py --rank 64 --tasks 4
    python benchmarks/mtlora.py --release PATH    # a checkout of github.com/scale-lab/MTLoRA

A step is forward, losses at image size and backward, with the HRNet-style heads. Prints the median CPU time
on one thread (wall-clock time on a GPU) and its ratio, without dropout, where sides can be compared, and then
with the published 0.05. Stochastic depth is off. The loop calls the frozen product once per layer, as the
release does, and has our attention and projections; the release has its own.

On a CPU with glibc, tensors above 32 MiB are mapped anew, and cleared page by page, whenever they are made;
the stacked streams of 224 x 224 pixels exceed that, one task's don't. `MALLOC_MMAP_MAX_=0` with
`MALLOC_TRIM_THRESHOLD_=4000000000` in the environment keeps memory instead, on all sides.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from mtlora_release import release
from torch import Tensor, nn

from mtlbench.engine.compat import import_torchvision
from mtlbench.engine.freezing import attach
from mtlbench.engine.layers import resize
from mtlbench_hrnet.decoder import HRNet
from mtlbench_mtlora.adapter import MTLoRA
from mtlbench_mtlora.linear import MTLoRALinear
from mtlbench_timm.swin import Swin

import_torchvision()

import timm  # noqa: E402

OUTPUTS = {"semseg": 21, "human_parts": 7, "saliency": 1, "normals": 3}


class Ours(nn.Module):
    """Adapt, encode and decode as a run does."""

    def __init__(self, tasks: dict[str, int], size: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.backbone = Swin(timm.create_model("swin_tiny_patch4_window7_224", num_classes=0, img_size=size))
        attach(MTLoRA(list(tasks), rank=rank, dropout=dropout), self.backbone)
        self.decoder = HRNet(tasks, self.backbone.channels)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        maps = self.decoder(self.backbone(image)).maps
        return {task: resize(prediction, image.shape[-2:]) for task, prediction in maps.items()}


class Loop(nn.Module):
    """Compute the same from the same modules, one task after another."""

    def __init__(self, ours: Ours) -> None:
        super().__init__()
        self.backbone, self.decoder = ours.backbone, ours.decoder

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        tasks = range(len(self.decoder.tasks))
        pyramids: list[list[Tensor]] = [[] for _ in tasks]
        x = self.backbone.patch_embed(image)[0]
        for stage in self.backbone.layers:
            for block in stage.blocks:
                x, own = loop_block(block, x)
            x, own = stage.downsample(x[None])[0], [stage.downsample(y[None])[0] for y in own]
            for t in tasks:
                pyramids[t].append(own[t].permute(0, 3, 1, 2))
        heads = zip(self.decoder.heads.items(), tasks, strict=True)
        return {
            task: F.interpolate(self.decode(head, t, pyramids[t]), image.shape[-2:], mode="bilinear")
            for (task, head), t in heads
        }

    def decode(self, head: nn.Module, t: int, pyramid: list[Tensor]) -> Tensor:
        """Project, resize, concatenate and predict."""
        necks = [neck.weight[t][:, :, None, None] for neck in self.decoder.neck]
        levels = [F.conv2d(level, neck) for level, neck in zip(pyramid, necks, strict=True)]
        levels = [F.interpolate(level, levels[0].shape[-2:], mode="bilinear") for level in levels]
        hidden = F.conv2d(torch.cat(levels, 1), head.fuse.weight[:, :, None, None], head.fuse.bias)
        return F.conv2d(F.relu(head.norm(hidden)), head.predict.weight[:, :, None, None], head.predict.bias)


def loop_block(block: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Run a block on the shared tokens (B, H, W, C) and, where it has tasks, on each task's."""
    attention = copy.copy(block.attn)
    attention._modules = {**block.attn._modules, "proj": nn.Identity()}
    attended = attention(block.norm1(x)[None])[0]
    y, own = loop_linear(block.attn.proj, attended, None)
    x, own = x + y, [x + task for task in own]
    y, hidden = loop_linear(block.mlp.fc1, block.norm2(x), [block.norm2(task) for task in own])
    y, hidden = loop_linear(block.mlp.fc2, F.gelu(y), [F.gelu(task) for task in hidden])
    return x + y, [a + b for a, b in zip(own, hidden, strict=True)]


def loop_linear(layer: MTLoRALinear, x: Tensor, own: list[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
    """Follow the layer's definition in mode `matrix`."""
    product, dropped = layer.frozen(x), F.dropout(x, layer.dropout, layer.training)
    y, tasks = product, []
    if layer.shared is not None:
        y = product + dropped @ layer.shared.A[0].T @ layer.shared.B[0].T * layer.scale
    if layer.task is not None:
        for t, (A, B) in enumerate(zip(layer.task.A, layer.task.B, strict=True)):
            tasks.append(product + (dropped if own is None else own[t]) @ A.T @ B.T * layer.scale)
    return y, tasks


def loss_of(maps: dict[str, Tensor], labels: dict[str, Tensor]) -> Tensor:
    """Add up one loss per task."""
    total = torch.zeros((), device=next(iter(maps.values())).device)
    for task, prediction in maps.items():
        label = labels[task]
        if prediction.shape[1] > 3:
            total = total + F.cross_entropy(prediction, label)
        elif prediction.shape[1] == 3:
            total = total + F.l1_loss(F.normalize(prediction, dim=1), label)
        else:
            total = total + F.binary_cross_entropy_with_logits(prediction, label)
    return total


def label(outputs: int, batch: int, size: int) -> Tensor:
    """Draw a label for a map with so many channels."""
    if outputs > 3:
        return torch.randint(outputs, (batch, size, size))
    values = torch.randn(batch, outputs, size, size)
    return F.normalize(values, dim=1) if outputs == 3 else (values > 0).float()


def check(sides: dict[str, nn.Module], image: Tensor, labels: dict[str, Tensor]) -> str:
    """Compare outputs, and the gradient that reaches the patch embedding through everything, in float64."""
    labels = {task: value.double() if value.is_floating_point() else value for task, value in labels.items()}
    found = {}
    for name, side in sides.items():
        side.double().zero_grad()
        maps = side(image.double())
        loss_of(maps, labels).backward()
        gradient = side.backbone.patch_embed.proj.weight.grad.clone()
        found[name] = [*(prediction.detach() for prediction in maps.values()), gradient]
        side.float()
    error = max(
        ((a - b).abs().max() / b.abs().max()).item()
        for theirs in found.values()
        for a, b in zip(found["ours"], theirs, strict=True)
    )
    if error > 1e-9:
        raise SystemExit(f"Sides differ by {error:.1e} of the largest value; fix that before timing.")
    return f"; outputs and gradients equal to {error:.0e} in float64"


def train(side: nn.Module, image: Tensor, labels: dict[str, Tensor]) -> None:
    """Run forward and backward once."""
    loss_of(side(image), labels).backward()


def compare(
    sides: dict[str, nn.Module], image: Tensor, labels: dict[str, Tensor], repeats: int
) -> dict[str, float]:
    """Return the median seconds of a step of every side, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats + 1):
        for name, side in sides.items():
            side.zero_grad()
            times[name].append(
                seconds(lambda side=side: loss_of(side(image), labels).backward(), image.device)
            )
    return {name: statistics.median(spent[1:]) for name, spent in times.items()}


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """Run once; return CPU time on a CPU, where others may be busy, and wall-clock time on a GPU."""
    if device.type == "cpu":
        start = time.process_time()
        work()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Compare the sides at the sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--tasks", type=int, default=4, help="PASCAL's four, repeated")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--release", help="checkout of the release to compare with too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(args.device)
    outputs = list(OUTPUTS.items())
    tasks = {f"{name}{t // 4 or ''}": c for t in range(args.tasks) for name, c in [outputs[t % 4]]}
    for dropout in (0.0, 0.05):
        torch.manual_seed(0)
        ours = Ours(tasks, args.size, args.rank, dropout)
        with torch.no_grad():
            for name, parameter in ours.backbone.named_parameters():
                if name.endswith(".B"):
                    parameter.normal_(std=0.02)
        sides = {"ours": ours, "loop": Loop(ours)}
        if args.release:
            sides["release"] = release(args.release, ours, args.size, args.rank, dropout)
        sides = {name: side.to(device).train() for name, side in sides.items()}
        image = torch.randn(args.batch, 3, args.size, args.size).to(device)
        labels = {task: label(c, args.batch, args.size).to(device) for task, c in tasks.items()}
        agreement = "" if dropout else check(sides, image, labels)
        medians = compare(sides, image, labels, args.repeats)
        ours_s = medians.pop("ours")
        spent = [
            f"{name} {1e3 * median:.0f} ms, ratio {ours_s / median:.2f}" for name, median in medians.items()
        ]
        print(f"dropout {dropout}: ours {1e3 * ours_s:.0f} ms; {'; '.join(spent)}{agreement}", flush=True)


if __name__ == "__main__":
    main()

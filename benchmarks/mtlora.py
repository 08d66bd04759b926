"""Compare a training step of MTLoRA on Swin-T with a loop over tasks, and with the public release.

All sides get equal weights and images, are checked to agree in outputs and gradients, and take turns, each
in a process of its own::

    python benchmarks/mtlora.py --rank 64 --tasks 2 4 8 16
    python benchmarks/mtlora.py --release PATH    # a checkout of github.com/scale-lab/MTLoRA

A step is forward, losses at image size and backward, with the HRNet-style heads. Prints the ratios, ours to
theirs, of median CPU time on one thread and of the peak of memory over the idle process, without dropout,
where sides can be compared, and then with the published 0.05; with several numbers of tasks also those of
what one more task costs. Stochastic depth is off. The loop calls the frozen product once per layer, as the
release does, and has our attention and projections; the release has its own.

With glibc, tensors above 32 MiB are mapped anew, and cleared page by page, whenever they are made, and below
that what is freed at the end of the heap may be given back. `MALLOC_MMAP_MAX_=0` with
`MALLOC_TRIM_THRESHOLD_=4000000000` in the environment keeps memory instead, on all sides.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mtlora_release import release
from torch import Tensor, nn
from turns import Cost, take_turns

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


def build(side: str, tasks: int, size: int, batch: int, rank: int, dropout: float, path: str):
    """Return the step of one side."""
    found, image, labels = sides([side], tasks, size, batch, rank, dropout, path)

    def step() -> None:
        found[side].zero_grad()
        loss_of(found[side](image), labels).backward()

    return step


def sides(
    names: list[str], tasks: int, size: int, batch: int, rank: int, dropout: float, path: str
) -> tuple[dict[str, nn.Module], Tensor, dict[str, Tensor]]:
    """Build sides of equal weights, an image and its labels."""
    torch.manual_seed(0)
    outputs = outputs_of(tasks)
    ours = Ours(outputs, size, rank, dropout)
    with torch.no_grad():
        for name, parameter in ours.backbone.named_parameters():
            if name.endswith(".B"):
                parameter.normal_(std=0.02)
    image = torch.randn(batch, 3, size, size)
    labels = {task: label(channels, batch, size) for task, channels in outputs.items()}
    make = {
        "ours": lambda: ours,
        "loop": lambda: Loop(ours),
        "release": lambda: release(path, ours, size, rank, dropout),
    }
    return {name: make[name]().train() for name in names}, image, labels


def outputs_of(tasks: int) -> dict[str, int]:
    """Return so many tasks with their channels: PASCAL's four, repeated."""
    outputs = list(OUTPUTS.items())
    return {f"{name}{t // 4 or ''}": c for t in range(tasks) for name, c in [outputs[t % 4]]}


def report(costs: Mapping[tuple[str, int], Cost]) -> None:
    """Print the ratios of each number of tasks, and of one task more (the slope of a straight line)."""
    names = dict.fromkeys(name for name, _ in costs)
    counts = list(dict.fromkeys(tasks for _, tasks in costs))
    rows = {f"{tasks} tasks": {name: costs[name, tasks] for name in names} for tasks in counts}
    if len(counts) > 1:
        x = torch.tensor(counts, dtype=torch.float64)
        x = (x - x.mean()) / (x - x.mean()).square().sum()
        rows["one task more"] = {
            name: Cost(*(torch.tensor([costs[name, tasks] for tasks in counts]).double().T @ x).tolist())
            for name in names
        }
    for title, row in rows.items():
        ours = row["ours"]
        ratios = [
            f"{name} time {ours.seconds / cost.seconds:.2f}, memory {ours.memory / cost.memory:.2f}"
            for name, cost in row.items()
            if name != "ours"
        ]
        print(
            f"  {title}: {'; '.join(ratios)}  ({1e3 * ours.seconds:.0f} ms, {ours.memory:.0f} MiB)",
            flush=True,
        )


def main() -> None:
    """Compare the sides at the sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--tasks", type=int, nargs="+", default=[4], help="PASCAL's four, repeated")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--release", default="", help="checkout of the release to compare with too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = ["ours", "loop", *(["release"] if args.release else [])]
    for dropout in (0.0, 0.05):
        options = {
            tasks: (tasks, args.size, args.batch, args.rank, dropout, args.release) for tasks in args.tasks
        }
        print(f"dropout {dropout}" + ("" if dropout else check(*sides(names, *options[args.tasks[0]]))))
        turns = {(name, tasks): (build, (name, *options[tasks])) for tasks in args.tasks for name in names}
        report(take_turns(turns, args.rounds))


if __name__ == "__main__":
    main()

"""Compare a training step of FAAR on Swin-T with that of its public release, whole and after shrinking.

Both sides get equal weights and images, are checked to agree in outputs and in the gradient of the patch
embedding, and take turns, each in a process of its own::

    python benchmarks/faar.py --release PATH    # a checkout of github.com/Klodivio355/FAAR
    python benchmarks/faar.py --release PATH --tasks 2 4 8

A step draws ranks, runs forward with TS-PD heads, losses at image size, backward, and scores every slot. The
release's heads work on images of 448 x 448 pixels alone. Prints the ratios, ours to the release's, of median
CPU time on one thread and of the peak of memory over the idle process: at the full rank, and after the ranks
of all streams have shrunk to `--shrunk`, which cuts our factors and masks theirs.
"""

from __future__ import annotations

import argparse
import itertools

import torch
from faar_release import Release
from mtlora import Ours as Plain
from mtlora import label, loss_of, outputs_of, report
from torch import Tensor, nn
from turns import take_turns

from mtlbench.engine.freezing import attach
from mtlbench_faar.adapter import FAAR
from mtlbench_faar.ts_pd import TSPD
from mtlbench_timm.swin import Swin

SIZE = 448


class Ours(Plain):
    """Adapt, encode and decode as a run does."""

    def __init__(self, tasks: dict[str, int], rank: int, dropout: float) -> None:
        nn.Module.__init__(self)
        import timm

        self.backbone = Swin(timm.create_model("swin_tiny_patch4_window7_224", num_classes=0, img_size=SIZE))
        self.adapter = FAAR(list(tasks), rank=rank, dropout=dropout)
        attach(self.adapter, self.backbone)
        self.decoder = TSPD(tasks, self.backbone.channels, radius="released")
        self.penalty, self.before_step = self.adapter.penalty, self.adapter.before_step
        self.after_backward = self.adapter.after_backward

    def drawn(self) -> dict[str, dict[str, int]]:
        """Return location -> stream -> rank in use."""
        layers = {path: self.backbone.get_submodule(path) for path in self.adapter.rank_map()}
        return {path: dict(zip(layer.streams, layer.drawn, strict=True)) for path, layer in layers.items()}

    def shrink(self, rank: int) -> None:
        """Cut every stream to `rank` slots."""
        ranks = self.adapter.rank_map()
        self.adapter.restore({path: dict.fromkeys(streams, rank) for path, streams in ranks.items()})


def sides(
    names: list[str], tasks: int, batch: int, rank: int, dropout: float, path: str
) -> tuple[dict[str, nn.Module], Tensor, dict[str, Tensor]]:
    """Build sides of equal weights, an image and its labels."""
    torch.manual_seed(0)
    outputs = outputs_of(tasks)
    ours = Ours(outputs, rank, dropout)
    with torch.no_grad():
        for name, parameter in ours.backbone.named_parameters():
            if ".B." in name:
                parameter.normal_(std=0.02)
    image = torch.randn(batch, 3, SIZE, SIZE)
    labels = {task: label(channels, batch, SIZE) for task, channels in outputs.items()}
    make = {"ours": lambda: ours, "release": lambda: Release(path, ours, SIZE, rank, dropout)}
    return {name: make[name]().train() for name in names}, image, labels


def build(side: str, shrunk: int, *options):
    """Return the step of one side, shrunk to that rank where it isn't 0."""
    found, image, labels = sides([side], *options)
    model, seeds = found[side], itertools.count()
    if shrunk:
        model.shrink(shrunk)

    def step() -> None:
        model.zero_grad()
        model.before_step(next(seeds))
        (loss_of(model(image), labels) + model.penalty()).backward()
        model.after_backward()

    return step


def check(found: dict[str, nn.Module], image: Tensor, labels: dict[str, Tensor]) -> str:
    """Compare outputs and the gradient of the patch embedding at equal ranks, in float32 as the release."""
    ours, theirs = found.values()
    ours.before_step(0)
    theirs.use(ours.drawn())
    maps, gradients = zip(
        *(outputs_and_gradient(side, image, labels) for side in (ours, theirs)), strict=True
    )
    errors = [
        max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results, strict=True))
        for results in (maps, gradients)
    ]
    if errors[0] > 1e-4 or errors[1] > 1e-2:
        raise SystemExit(f"Sides differ by {errors} of the largest values; fix that before timing.")
    return "outputs equal to {:.0e} and gradients to {:.0e} in float32".format(*errors)


def outputs_and_gradient(
    side: nn.Module, image: Tensor, labels: dict[str, Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Return what a step computes."""
    maps = side(image)
    (loss_of(maps, labels) + side.penalty()).backward()
    return list(maps.values()), [side.backbone.patch_embed.proj.weight.grad]


def main() -> None:
    """Compare the sides at the sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", required=True, help="checkout of the release")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--shrunk", type=int, default=8)
    parser.add_argument("--tasks", type=int, nargs="+", default=[4], help="PASCAL's four, repeated")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    names = ["ours", "release"]
    print(check(*sides(names, args.tasks[0], args.batch, args.rank, 0.0, args.release)))
    for shrunk in (0, args.shrunk):
        options = {tasks: (tasks, args.batch, args.rank, args.dropout, args.release) for tasks in args.tasks}
        turns = {(n, tasks): (build, (n, shrunk, *options[tasks])) for tasks in args.tasks for n in names}
        print(f"rank {args.rank}" + (f", shrunk to {shrunk}" if shrunk else ""))
        report(take_turns(turns, args.rounds))


if __name__ == "__main__":
    main()

"""Compare a training step of LoRA on ViT-S with that of Hugging Face PEFT on timm's network.

Both sides get equal weights and images, are checked to agree in outputs and gradients in float64, and take
turns, each in a process of its own. PEFT is no dependency of the bench; put it into a folder of its own::

    python -m pip install --target PATH --no-deps peft transformers accelerate tokenizers \
        huggingface_hub regex psutil
    python benchmarks/lora_peft.py --peft PATH

A step is forward through the twelve blocks and backward to every A and B; nothing else trains. Prints the
ratios, ours to PEFT's, of median CPU time on one thread and of the peak of memory over the idle process.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn
from turns import take_turns

from mtlbench.engine.compat import import_torchvision
from mtlbench.engine.freezing import attach
from mtlbench_lora.adapter import LoRA
from mtlbench_timm.vit import Vit

import_torchvision()

import timm  # noqa: E402

LAYERS = r"blocks\..*\.(qkv|proj|fc1|fc2)"


def network(size: int) -> nn.Module:
    """Build the network that both sides adapt."""
    torch.manual_seed(0)
    return timm.create_model("vit_small_patch16_224", num_classes=0, img_size=size)


class Ours(nn.Module):
    """Run the driver's blocks, without the pyramid that decoders need."""

    def __init__(self, size: int, rank: int) -> None:
        super().__init__()
        self.backbone = Vit(network(size))
        attach(LoRA(["task"], rank=rank, alpha=rank, trains=()), self.backbone)

    def forward(self, image: Tensor) -> Tensor:
        """Return the tokens (B, N, C) that leave the last block."""
        backbone = self.backbone
        x = backbone.norm_pre(backbone._tokens(backbone.patch_embed(image)))
        for block in backbone.blocks:
            x, _ = block(x)
        return x[0]

    def updates(self) -> list[tuple[Tensor, Tensor]]:
        """Return A and B in the order of execution."""
        return [(m.A, m.B) for m in self.modules() if hasattr(m, "A")]


class Peft(nn.Module):
    """Run timm's network as PEFT adapts it."""

    def __init__(self, size: int, rank: int, path: str) -> None:
        super().__init__()
        sys.path.append(path)
        from peft import LoraConfig, get_peft_model

        net = network(size)
        net.norm = nn.Identity()
        self.net = get_peft_model(net, LoraConfig(r=rank, lora_alpha=rank, target_modules=LAYERS))

    def forward(self, image: Tensor) -> Tensor:
        """Return the tokens (B, N, C) that leave the last block."""
        return self.net.base_model.model.forward_features(image)

    def updates(self) -> list[tuple[Tensor, Tensor]]:
        """Return A and B in the order of execution."""
        layers = [m for m in self.modules() if hasattr(m, "lora_A")]
        return [(layer.lora_A["default"].weight, layer.lora_B["default"].weight) for layer in layers]


def make(side: str, size: int, rank: int, path: str) -> nn.Module:
    """Build a side with weights that depend on nothing but the sizes."""
    model = (Ours(size, rank) if side == "ours" else Peft(size, rank, path)).train()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for pair in model.updates():
            for weight in pair:
                weight.normal_(std=0.02, generator=generator)
    return model


def build(side: str, size: int, batch: int, rank: int, path: str) -> Callable[[], None]:
    """Return the step of one side."""
    model, image = make(side, size, rank, path), torch.randn(batch, 3, size, size)

    def step() -> None:
        model.zero_grad()
        model(image).square().mean().backward()

    return step


def check(size: int, rank: int, path: str) -> str:
    """Compare outputs and all gradients in float64."""
    image, results = torch.randn(1, 3, size, size, dtype=torch.float64), []
    for side in ("ours", "peft"):
        model = make(side, size, rank, path).double()
        y = model(image)
        y.square().mean().backward()
        results.append([y, *(weight.grad for pair in model.updates() for weight in pair)])
    error = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results, strict=True))
    if error > 1e-9:
        raise SystemExit(f"Sides differ by {error:.1e} of the largest value; fix that before timing.")
    return f"outputs and gradients equal to {error:.0e} in float64"


def main() -> None:
    """Compare the sides at the sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peft", required=True, help="folder that PEFT was installed to")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(check(args.size, args.rank, args.peft))
    options = (args.size, args.batch, args.rank, args.peft)
    costs = take_turns({side: (build, (side, *options)) for side in ("ours", "peft")}, args.rounds)
    ours, peft = costs["ours"], costs["peft"]
    print(f"time {ours.seconds / peft.seconds:.2f}, memory {ours.memory / peft.memory:.2f}")


if __name__ == "__main__":
    main()

"""Trace a model to a program that runs without the bench, and compare what programs put out."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from mtlbench.engine.errors import ExportError
from mtlbench.engine.model import MultiTaskModel, resize_output

#: the largest difference that counts as none, as a share of the largest value that a task's output has
TOLERANCE = 1e-5
#: how many times the rounding of float32 may be, as sums in another order round otherwise
ROUNDING = 4
#: the largest rounding that is one
LARGEST = 1e-3

Outputs = Mapping[str, Tensor]


class Program(nn.Module):
    """Map uint8 images (B, 3, H, W) to raw outputs (B, C_t, H, W) per task, as evaluation scores them."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: MultiTaskModel) -> None:
        super().__init__()
        self.backbone, self.decoder = model.backbone, model.decoder
        self.register_buffer("mean", model.mean)
        self.register_buffer("std", model.std)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Normalise, encode, decode and resize."""
        maps = self.decoder(self.backbone((images - self.mean) / self.std)).maps
        height, width = images.shape[-2:]
        return {task: resize_output(output, (height, width)) for task, output in maps.items()}


def random_images(batch: int, size: tuple[int, int]) -> Tensor:
    """Draw uint8 images (B, 3, H, W), the same ones every time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, 3, *size), dtype=torch.uint8, generator=generator)


@torch.no_grad()
def outputs(program: Callable[[Tensor], Outputs], images: Tensor) -> Outputs:
    """Return what a program makes of images."""
    return program(images)


@torch.no_grad()
def trace(program: Program, size: tuple[int, int]) -> bytes:
    """Return the file of `torch.export` for images of `size` and batches of any number.

    The program must have run at this size before: what modules keep by size then is plain tensors, not those
    of tracing. Nothing of it trains any more, so that it can be called as it is, without `torch.no_grad`.

    Raises:
        ExportError: a component does what cannot be traced.
    """
    batch, file = torch.export.Dim("batch", min=1), io.BytesIO()
    program.requires_grad_(False)
    try:
        exported = torch.export.export(
            program, (random_images(2, size),), dynamic_shapes={"images": {0: batch}}, strict=False
        )
        torch.export.save(exported, file)
    except Exception as error:  # of torch's compiler, which has dozens of kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ExportError(
            f"torch.export cannot trace the model ({type(error).__name__}: {reason}). Report it to the "
            "authors of its components; to export the weights alone, pass --no-program."
        ) from error
    return file.getvalue()


def load(file: bytes) -> Callable[[Tensor], Outputs]:
    """Return the program that a file of `trace` holds."""
    return torch.export.load(io.BytesIO(file)).module()


def difference(found: Outputs, expected: Outputs) -> dict[str, float]:
    """Return, by task, the largest difference as a share of the largest value expected; for equal batches."""
    return {
        task: float((found[task] - output).abs().max() / output.abs().max().clamp_min(1e-30))
        for task, output in expected.items()
    }


def bounds(rounded: Outputs, exact: Outputs) -> dict[str, float]:
    """Return how far outputs in float32 may be from `exact` ones, in float64, by task.

    That is `TOLERANCE`, or `ROUNDING` times what float32 alone does to the trained model, where that is more.
    """
    return {
        task: max(TOLERANCE, ROUNDING * value) if value < LARGEST else TOLERANCE
        for task, value in difference(rounded, exact).items()
    }


def require_equal(
    found: Outputs, expected: Outputs, what: str, allowed: Mapping[str, float] = MappingProxyType({})
) -> dict[str, float]:
    """Return the difference.

    Raises:
        ExportError: it exceeds what is `allowed` for a task, by default `TOLERANCE`, or is not a number.
    """
    differences = difference(found, expected)
    for task, value in differences.items():
        limit = allowed.get(task, TOLERANCE)
        if not value <= limit:
            raise ExportError(
                f"{what} does not put out what the trained model does: {task} differs by {value:.1e} of its "
                f"largest value, which is more than {limit:.0e}. Nothing was written. Report it to the "
                "authors of the adapter and the decoder, with the record."
            )
    return differences

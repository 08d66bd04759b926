"""Find out which trainable parameters tasks share, and which are one task's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtlbench.engine.model import MultiTaskModel

SHARED = -1
#: which slices of a parameter along its first axis tasks share: all, none, or a mask (n,) of both kinds
Share = bool | Tensor


def share(owner: Tensor) -> Share:
    """Return which slices tasks share, from who owns each (n,)."""
    shared = owner == SHARED
    return bool(shared[0]) if shared.all() or not shared.any() else shared


#: share of a parameter's largest gradient that counts as none: what a masked attention lets through
NEGLIGIBLE = 1e-20


def owners(model: MultiTaskModel, size: tuple[int, int]) -> dict[nn.Parameter, Tensor]:
    """Return, for what trains in backbone and decoder, who reaches each slice along its first axis.

    int64 (n,): the index of the only task whose output depends on the slice, or `SHARED` (-1); see `reached`.
    """
    return {parameter: _owner(tasks) for parameter, tasks in reached(model, size).items()}


def reached(model: MultiTaskModel, size: tuple[int, int], seed: int = 0) -> dict[nn.Parameter, Tensor]:
    """Return, for what trains in backbone and decoder, which tasks reach each slice along its first axis.

    bool (T, n): whether a task's output depends on the slice. The answer comes from one backward pass per
    task on a random image of `size` in evaluation mode, with parameters moved at random and put back, because
    what starts at zero would hide what stands before it. `seed` draws the image and the moves.
    """
    device = next(model.parameters()).device
    trained = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and name.startswith(("backbone.", "decoder."))
    ]
    generator = torch.Generator().manual_seed(seed)
    kept = [parameter.detach().clone() for parameter in trained]
    was_training = model.training
    model.eval()
    model.decoder.training = True  # the module alone, which then yields what is only supervised, too
    try:
        with torch.no_grad():
            for parameter in trained:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).to(parameter))
        image = torch.randint(0, 256, (1, 3, *size), dtype=torch.uint8, generator=generator)
        tasks = _reached(model, image.to(device), trained, generator)
    finally:
        with torch.no_grad():
            for parameter, value in zip(trained, kept, strict=True):
                parameter.copy_(value)
        model.train(was_training)
    return dict(zip(trained, tasks, strict=True))


def unreached(model: MultiTaskModel, size: tuple[int, int]) -> set[nn.Parameter]:
    """Return what trains in backbone and decoder though no task's output depends on it; see `reached`."""
    return {parameter for parameter, tasks in reached(model, size).items() if not tasks.any()}


def _owner(reached: Tensor) -> Tensor:
    """Return the owner of each slice (n,) from who reaches it (T, n).

    A slice that nobody reached, such as the bias of a unit that the image did not wake, is as the others are.
    """
    owner = torch.where(reached.sum(0) == 1, reached.int().argmax(0), SHARED)
    known = owner[reached.any(0)].unique()
    return torch.where(reached.any(0), owner, known[0]) if len(known) == 1 else owner


def _reached(
    model: MultiTaskModel, image: Tensor, trained: list[nn.Parameter], generator: torch.Generator
) -> list[Tensor]:
    """Return for every parameter (T, n): whether a task's output depends on a slice of it."""
    _, levels = model.encode(image)
    decoded = model.decoder(levels)
    found: list[list[Tensor]] = [[] for _ in trained]
    for task in model.tasks:
        maps = [decoded.maps[task], *(more[task] for _, more in decoded.auxiliary if task in more)]
        noise = [torch.randn(m.shape, generator=generator).to(m) for m in maps]
        total = torch.stack([(m * n).sum() for m, n in zip(maps, noise, strict=True)]).sum()
        gradients = torch.autograd.grad(total, trained, retain_graph=True, allow_unused=True)
        for tasks, parameter, gradient in zip(found, trained, gradients, strict=True):
            slices = len(parameter) if parameter.ndim else 1
            size = torch.zeros_like(parameter) if gradient is None else gradient.abs()
            size = size.reshape(slices, -1).amax(1)
            tasks.append(size > NEGLIGIBLE * size.amax())
    return [torch.stack(tasks) for tasks in found]

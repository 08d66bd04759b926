"""Run one training over several processes: every rank computes its share, gradients are averaged by us.

Why not DistributedDataParallel: balancers need the gradients before they are reduced, shrinking changes the
shape of parameters in the middle of a run, and a task without labels leaves parameters without a gradient.
The parameters that train are few, so one flat all-reduce per step costs little.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Item = TypeVar("Item")


def initialise(device: str) -> tuple[int, int]:
    """Join the process group that torchrun set up, if it did, and return (rank, number of processes)."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return 0, 1
    if not dist.is_initialized():
        if device.startswith("cuda"):
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return dist.get_rank(), dist.get_world_size()


def world_size() -> int:
    """Return the number of processes of this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def total(values: Tensor) -> Tensor:
    """Return the sum of `values` over all processes."""
    if world_size() == 1:
        return values
    summed = values.clone()
    if dist.get_backend() == "nccl":  # which knows nothing but its device
        summed = summed.cuda()
    dist.all_reduce(summed)
    return summed.to(values.device)


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace every gradient by its mean over all processes, in one flat exchange per data type."""
    if world_size() == 1:
        return
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            by_type.setdefault(parameter.grad.dtype, []).append(parameter.grad)
    for gradients in by_type.values():
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= world_size()
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


def gather(item: Item) -> list[Item]:
    """Return the item of every process, in the order of ranks."""
    if world_size() == 1:
        return [item]
    items: list[Item] = [item] * world_size()
    dist.all_gather_object(items, item)
    return items


def barrier() -> None:
    """Wait for all processes."""
    if world_size() > 1:
        dist.barrier()

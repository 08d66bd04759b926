"""Keep a share of the frozen weights on every process, for backbones that don't fit a device.

Where an adapter freezes the backbone, nothing of it has a gradient or a state of an optimiser; what can
be too large are the weights themselves. So only they are sharded, block by block, with torch's
`fully_shard`: a block's weights are gathered when it runs, forwards or backwards, and given up again.
What trains stays whole on every process, with its own names, as balancers that compare gradients and
adapters that cut ranks need it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtlbench.engine import distributed
from mtlbench.engine.errors import RunError
from mtlbench.engine.model import MultiTaskModel


def shard_frozen(model: MultiTaskModel, device: str) -> None:
    """Shard the frozen parameters of every block of the backbone, and move the model to the device.

    Source: PyTorch's FSDP2 (`torch.distributed.fsdp.fully_shard`), with all that trains left out of it.

    Raises:
        RunError: there is one process only, or nothing in the blocks is frozen.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    processes = distributed.world_size()
    if processes == 1:
        raise RunError(
            "--shard spreads weights over processes, and there is one. Start several: "
            "torchrun --nproc_per_node 2 -m mtlbench run CONFIG --shard."
        )
    blocks = [model.backbone.get_submodule(s.path) for s in model.backbone.sites() if s.role == "block"]
    frozen = [block for block in blocks if not all(p.requires_grad for p in block.parameters())]
    if not frozen:
        raise RunError(
            "Nothing in the blocks of this backbone is frozen, so that --shard would spread nothing. Leave "
            "it out, or take an adapter that freezes them."
        )
    mesh = init_device_mesh(torch.device(device).type, (processes,))
    for block in frozen:
        trained = {p for p in block.parameters() if p.requires_grad}
        fully_shard(block, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    model.to(device)


def keep_pace(model: MultiTaskModel, done: int, rounds: int, inputs: Tensor) -> None:
    """Predict `inputs` until this process has predicted as often as all: blocks run on all or on none."""
    for _ in range(done, rounds):
        model.predict(inputs)

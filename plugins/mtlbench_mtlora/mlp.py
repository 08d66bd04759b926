"""The MLP in which the streams of MTLoRA's tasks part."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtlbench_mtlora.linear import MTLoRALinear
from mtlbench_mtlora.streams import Hidden, hidden


class MTLoRAMlp(nn.Module):
    """Compute fc2(act(fc1(x))) for streams x (1 or 1 + T, B, ..., I) without holding tasks' hidden layers.

    Between two low-rank updates a task's hidden layer is the shared product plus something of rank r, so what
    leaves `fc1` and enters `fc2` is of rank r (`Hidden`).
    """

    def __init__(self, fc1: MTLoRALinear, act: nn.Module, fc2: MTLoRALinear) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = fc1, act, fc2

    def forward(self, x: Tensor) -> Tensor:
        shared, base, inner, BT = self.fc1.parts(*self.fc1.project(x.flatten(1, -2)))
        form = hidden if torch.compiler.is_compiling() else Hidden.apply
        inner = form(base, inner, BT, self.fc2.task.A.to(base.dtype), self.act)
        y = self.fc2.expand(self.act(shared), inner)
        return y.reshape(-1, *x.shape[1:-1], y.shape[-1])


def is_plain(mlp: nn.Module) -> bool:
    """Return whether an MLP consists of `fc1`, `act`, `fc2` and parts that do nothing."""
    idle = (nn.Identity, nn.Dropout)
    parts = [
        name
        for name, part in mlp.named_children()
        if not (isinstance(part, idle) and not getattr(part, "p", 0))
    ]
    return parts == ["fc1", "act", "fc2"]

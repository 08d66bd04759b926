"""What joins the networks of all tasks: (T, B, ..., C) -> (T, B, ..., C)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.layers import TaskBatchNorm
from mtlbench.engine.streams import batched_linear


def shares(tasks: int, alpha: float) -> Tensor:
    """Return (T, T): alpha on the diagonal, the rest of each row even; 1 where there is one task."""
    rest = (1 - alpha) / max(1, tasks - 1)
    return torch.full((tasks, tasks), rest).fill_diagonal_(alpha if tasks > 1 else 1.0)


class CrossStitchUnit(nn.Module):
    """Mix tasks channel by channel, y_tc = Σ_s α_tsc x_sc (Misra et al., CVPR 2016, Equation 1).

    `alpha` (T·T·C,), or (T·T,) for all channels alike, is flat, so it doesn't decay.
    """

    def __init__(self, tasks: int, channels: int, alpha: float = 0.9, per_channel: bool = True) -> None:
        super().__init__()
        start = shares(tasks, alpha)[..., None].repeat(1, 1, channels if per_channel else 1)
        self.tasks = tasks
        self.alpha = nn.Parameter(start.flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Mix the streams of x."""
        alpha = self.alpha.to(x.dtype).view(self.tasks, self.tasks, *[1] * (x.ndim - 2), -1)
        y = alpha[:, 0] * x[0]
        for s in range(1, self.tasks):  # a sum over a stacked axis would hold T² maps
            y = torch.addcmul(y, alpha[:, s], x[s])
        return y


class NDDRLayer(nn.Module):
    """Join tasks by y_t = act(BN_t(W_t [x_1, …, x_T])) (Gao et al., CVPR 2019, Section 3.1).

    `weight` (T, C, T·C) starts as α on the diagonal of a task's own block and (1 - α) / (T - 1) on those of
    the others'.
    """

    def __init__(self, tasks: int, channels: int, alpha: float = 0.9, relu: bool = False) -> None:
        super().__init__()
        start = torch.einsum("ts,cd->tcsd", shares(tasks, alpha), torch.eye(channels))
        self.weight = nn.Parameter(start.flatten(2).contiguous())
        self.norm = TaskBatchNorm(tasks, channels, momentum=0.05)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Join the streams of x."""
        joined = torch.cat(x.unbind(), -1)[None]
        y = batched_linear(joined, self.weight)
        flat = y.flatten(2, -2).movedim(-1, 2)[..., None]  # (T, B, C, places, 1)
        y = self.norm(flat).squeeze(-1).movedim(2, -1).reshape(y.shape)
        return F.relu(y) if self.relu else y

"""CFM: fuse every task's features by an affinity that the other tasks define."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.engine.streams import fold
from mtlbench_mtcp.attention import attend
from mtlbench_mtcp.cbam import CBAM
from mtlbench_mtcp.layers import Norm, TaskLinear


class CoherenceFusion(nn.Module):
    """Mix the pixels of each task's features X_t where the other tasks' features agree.

    F = ReLU(W [σ(V_s X_s + c_s) X_s]_{s≠t} + b); θ = ReLU(BN(CBAM(F))), φ likewise with other parameters;
    out = BN(CBAM(A BN(CBAM(X_t)))) with A = softmax(θᵀφ) over the pixels of φ. All parameters are per task.
    A single task is its own auxiliary.
    """

    def __init__(self, tasks: int, width: int) -> None:
        super().__init__()
        self.others = [[s for s in range(tasks) if s != t or tasks == 1] for t in range(tasks)]
        count = len(self.others[0])
        self.gate = TaskLinear(tasks, width, count * width)
        self.join = TaskLinear(tasks, count * width, 2 * width)
        self.theta, self.phi = (Attended(tasks, 2 * width) for _ in range(2))
        self.value, self.out = (Attended(tasks, width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Fuse (T, B, H, W, w), keeping the shape."""
        count = len(self.others[0])
        gated = x[..., None, :] * self.gate(x).sigmoid().unflatten(-1, (count, -1))
        given = [source.unbind(-2) for source in gated]
        joined = [
            torch.cat([given[s][self.others[s].index(t)] for s in others], -1)
            for t, others in enumerate(self.others)
        ]
        fused = F.relu(self.join(torch.stack(joined)))
        query, key, value = F.relu(self.theta(fused)), F.relu(self.phi(fused)), self.value(x)
        mixed = attend(*(fold(features).flatten(1, 2) for features in (query, key, value)))
        return self.out(mixed.view(value.shape))


class Attended(nn.Sequential):
    """Apply CBAM, then a batch norm."""

    def __init__(self, tasks: int, channels: int) -> None:
        super().__init__(CBAM(tasks, channels), Norm(tasks, channels))

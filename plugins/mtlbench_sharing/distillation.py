"""Multi-modal distillation: tasks pass gated messages to each other, pixel by pixel."""

from __future__ import annotations

from torch import Tensor, nn

from mtlbench_sharing.layers import TaskConv


class Distillation(nn.Module):
    """Add to every task's features what all other tasks' say: F_t + Σ_{s≠t} σ(G_ts F_s) ⊙ V_ts F_s.

    G and V are 3x3 convolutions without bias, one of each per ordered pair of tasks. A single task's features
    stay as they are. Source: Xu et al., PAD-Net, CVPR 2018, the attention-guided module.
    """

    def __init__(self, tasks: int, width: int) -> None:
        super().__init__()
        self.tasks = tasks
        if tasks > 1:
            self.gate, self.value = (TaskConv(tasks, width, (tasks - 1) * width, 3) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, T·C, H, W), keeping the shape."""
        if self.tasks == 1:
            return x
        sent = self.gate(x).sigmoid() * self.value(x)
        sent = sent.unflatten(1, (self.tasks, self.tasks - 1, -1))
        # a task's k-th message goes to the (k + 1)-th task after it, in a circle
        received = sum(sent[:, :, k].roll(k + 1, 1) for k in range(self.tasks - 1))
        return x + received.flatten(1, 2)

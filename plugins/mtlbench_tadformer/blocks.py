"""Transformer blocks that carry task prompts, and those in which the tasks' streams part."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.backbone import Attention, Block, beside


class PromptedBlock(nn.Module):
    """Run a block, but let its prompts become p + mlp(norm2 a), a what attention makes of them."""

    def __init__(self, frozen: Block) -> None:
        super().__init__()
        self.frozen = frozen

    def forward(self, x: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Transform x (1, B, ..., C) and prompts (1, B or 1, T, C)."""
        block = self.frozen
        attended, told = block.attn(block.norm1(x), block.norm1(prompts))
        x = x + block.attention_branch(attended)
        return x + block.mlp_branch(x), prompts + block.mlp_branch(told)


class TaskBlock(nn.Module):
    """Run a stage's last block, where from `proj` on every task has a stream: (1, B, ...) -> (1 + T, B, ...).

    M_t = GELU(q_t k), the unscaled scores of task t's prompt against the patches of each window, weighs what
    enters `proj`; `u_t` is what it weighed. A task's stream leaves as σ(g) · u_t + (1 - σ(g)) · x_t, with one
    `gate` g that starts at 0; the shared stream goes on as it is.

    Args:
        frozen: the block; its `proj` is a `ConditionedLinear`, its `fc1` and `fc2` are `TaskLinear`.
        ends: whether nothing reads what its prompts become.
    """

    def __init__(self, frozen: Block, ends: bool) -> None:
        super().__init__()
        self.frozen, self.ends = frozen, ends
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Transform x (1, B, ..., C) and prompts (1, B or 1, T, C)."""
        block, attn = self.frozen, self.frozen.attn
        tasks = prompts.shape[2]
        qkv, asked = attn.qkv(attn.windows(block.norm1(x))), attn.qkv(block.norm1(prompts))
        mixed = attn.mix(beside(asked, qkv), tasks)
        told, patches = mixed.split((tasks, mixed.shape[3] - tasks), 3)
        attended, weighed = attn.proj.fan_out(
            attn.join(patches, x),
            attn.join(scores(asked[0], qkv[0], attn.heads), x),
            partial(in_windows, attn, attn.proj.filter),
        )
        x = self._think(x + block.attention_branch(attended))
        shared, own = x.split((1, tasks))
        x = torch.cat((shared, own + self.gate.sigmoid() * (weighed - own)))
        return x, prompts if self.ends else prompts + block.mlp_branch(attn.proj(told.mean(2)))

    def _think(self, x: Tensor) -> Tensor:
        """Add the MLP's branch to x (1 + T, B, ..., C); tokens of no place get that of the shared stream."""
        size = x.shape[2:4] if x.ndim == 5 else self.frozen.attn.window
        flat = x.flatten(2, -2)
        others = flat.shape[2] - size[0] * size[1]
        branch = self.frozen.mlp_branch(flat[:, :, others:].unflatten(2, size)).flatten(2, 3)
        if others:
            shared = self.frozen.mlp_branch(flat[:1, :, :others])
            branch = torch.cat((shared.expand(len(x), -1, -1, -1), branch), 2)
        return (flat + branch).view(x.shape)


def scores(asked: Tensor, qkv: Tensor, heads: int) -> Tensor:
    """Return GELU(q k) of prompts (1 or B, T, 3·C) and windows (B, W, N, 3·C): (T, B, W, N, heads)."""
    query = asked.chunk(3, -1)[0].unflatten(-1, (heads, -1)).expand(qkv.shape[0], -1, -1, -1)
    key = qkv.chunk(3, -1)[1].unflatten(-1, (heads, -1))
    return F.gelu(torch.einsum("bthc,bwnhc->tbwnh", query, key))


def in_windows(attn: Attention, filter: nn.Module, x: Tensor) -> Tensor:
    """Filter each window of x (T, B, ..., r) as a map of its own; tokens of no place stay as they are."""
    windows = attn.windows(x)
    images, count = windows.shape[1:3]
    height, width = attn.window
    others = windows.shape[3] - height * width
    maps = windows[:, :, :, others:].flatten(1, 2).unflatten(2, (height, width))
    filtered = filter(maps).flatten(2, 3).unflatten(1, (images, count))
    return attn.join(torch.cat((windows[:, :, :, :others], filtered), 3) if others else filtered, x)

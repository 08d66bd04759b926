"""A tiny backbone for tests: a hierarchical transformer that follows the whole contract."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.backbone import Attention, Backbone, Block, Site
from mtlbench.engine.streams import per_image, unfold_images

#: parts of a parameter's name that are its role, in order of precedence
ROLES = ("norm", "rel_pos_bias", "reduction", "attn", "mlp")


class TinyBackbone(Backbone):
    """Encode with four stages of two blocks; a stage but the last ends with a patch merging, as in Swin.

    Weights are random but equal for equal `seed`. Images must have sides that 32 divides; from 64 x 64 on,
    every stage has more than one token.

    Args:
        width: channels of the first stage; every patch merging doubles them.
        depth: blocks of a stage.
        heads: attention heads of a block.
        seed: what the weights are drawn from.
    """

    strides = (8, 16, 32, 32)

    def __init__(self, width: int = 8, depth: int = 2, heads: int = 2, seed: int = 0) -> None:
        super().__init__()
        widths = [width * 2**stage for stage in range(4)]
        self.channels = (*widths[1:], widths[-1])
        self.branch = undivided
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.patch_embed = nn.Conv2d(3, width, kernel_size=4, stride=4)
            self.stages = nn.ModuleList(Stage(w, depth, heads, merge=w != widths[-1]) for w in widths)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode a normalised image (B, 3, H, W) as four levels (S, B, C, h, w)."""
        x, tokens = unfold_images(self.patch_embed(image), len(image)).movedim(2, -1), None
        levels = []
        for index, stage in enumerate(self.stages):
            tokens = None if self.tokens is None else self.tokens(index, tokens)
            x, tokens = stage(x, tokens)
            features, x = self.branch(x)
            levels.append(features.movedim(-1, 2))
        return levels

    def sites(self) -> tuple[Site, ...]:
        """List the replaceable parts of every block, and the reductions."""
        parts = (
            ("norm1", "norm1"),
            ("attn", "attn"),
            ("qkv", "attn.qkv"),
            ("proj", "attn.proj"),
            ("norm2", "norm2"),
            ("mlp", "mlp"),
            ("fc1", "mlp.fc1"),
            ("fc2", "mlp.fc2"),
            ("block", ""),
        )
        sites = []
        for s, stage in enumerate(self.stages):
            end = len(stage.blocks) - 1  # type: ignore[arg-type]
            for b in range(end + 1):
                place = f"stages.{s}.blocks.{b}."
                sites += [Site((place + path).rstrip("."), role, s, b, b == end) for role, path in parts]
            if stage.merging is not None:
                sites.append(Site(f"stages.{s}.merging.reduction", "reduction", s, end, True))
        return tuple(sites)

    def parameter_role(self, name: str) -> str:
        """Name the role of one own parameter."""
        return next((role for role in ROLES if role in name), "patch_embed")

    def fingerprint(self) -> str:
        """Return `random`: the weights are not pretrained."""
        return "random"


def undivided(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give the decoder and the next stage the same streams."""
    return x, x


class Stage(nn.Module):
    """Run blocks, then merge patches: (S, B, h, w, C) -> (S, B, h/2, w/2, 2C)."""

    def __init__(self, width: int, depth: int, heads: int, merge: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(PreNormBlock(width, heads) for _ in range(depth))
        self.merging = Merging(width) if merge else None

    def forward(self, x: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor | None]:
        for block in self.blocks:
            x, tokens = block(x, tokens)
        return (x if self.merging is None else self.merging(x)), tokens


class PreNormBlock(Block):
    """Attend over the whole map, then apply an MLP to every position, both with a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = GlobalAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def attention_branch(self, attended: Tensor) -> Tensor:
        return attended

    def mlp_branch(self, x: Tensor) -> Tensor:
        return self.mlp(self.norm2(x))


class GlobalAttention(Attention):
    """Attend with a bias that falls linearly with the distance, so that one table serves every size.

    `rel_pos_bias` is (heads,), or (S, heads).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_bias = nn.Parameter(-torch.rand(heads))

    def windows(self, x: Tensor) -> Tensor:
        self.window = (x.shape[2], x.shape[3])
        return x.flatten(2, 3)[:, :, None]

    def join(self, windows: Tensor, like: Tensor) -> Tensor:
        return windows[:, :, 0].unflatten(2, like.shape[2:4])

    def mix(self, qkv: Tensor, extra: int = 0) -> Tensor:
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(4, 0, 1, 2, 5, 3, 6)
        rows, columns = torch.meshgrid(*(torch.arange(side) for side in self.window), indexing="ij")
        position = torch.stack((rows, columns), -1).flatten(0, 1).to(self.rel_pos_bias)
        bias = self.rel_pos_bias[..., None, None] * torch.cdist(position, position)
        bias = F.pad(bias, (extra, 0, extra, 0)).view(-1, 1, 1, self.heads, *[bias.shape[-1] + extra] * 2)
        streams = max(len(q), len(bias))
        q, k, v = (part.expand(streams, *part.shape[1:]) for part in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return out.transpose(-2, -3).flatten(-2)


class Mlp(nn.Module):
    """Expand fourfold, GELU, contract."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Merging(nn.Module):
    """Halve the resolution: 2 x 2 neighbours side by side, normalised, then a linear reduction 4C -> 2C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        neighbours = per_image(lambda m: F.pixel_unshuffle(m.movedim(-1, 1), 2).movedim(1, -1), x)
        return self.reduction(self.norm(neighbours))

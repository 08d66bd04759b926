"""Drive timm's Swin Transformer over task streams."""

from __future__ import annotations

import functools
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.backbone import Attention, Site
from mtlbench.engine.streams import unfold_images
from mtlbench_timm.blocks import PreNormBlock, drop_path_rates
from mtlbench_timm.driver import Driver, block_sites
from mtlbench_timm.errors import BadOption


class Swin(Driver):
    """Encode images with a Swin Transformer (Liu et al., ICCV 2021) whose blocks run over streams.

    Outputs equal those of the timm network the modules come from. `features` says where a level leaves a
    stage; the numbers are Swin-T's:

    - "merged", after the stage's patch merging, which then runs on all streams (the MTLoRA line): channels
      (192, 384, 768, 768) at strides (8, 16, 32, 32);
    - "stage", before it: channels (96, 192, 384, 768) at strides (4, 8, 16, 32); merging runs on what goes
      on.

    timm's final norm and head are left out. Any image size works: maps are padded as in timm, and images to a
    multiple of the patch.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        features: Literal["merged", "stage"] = "merged",
        drop_path: float = 0.0,
        **about,
    ) -> None:
        """Take the modules of `net`, a timm SwinTransformer of four stages; `about` goes to `Driver`."""
        super().__init__(**about)
        if features not in ("merged", "stage"):
            raise BadOption(f'backbone.features is "{features}"; say "merged" or "stage".')
        self.features = features
        self.patch_embed = PatchEmbed(net.patch_embed)
        depths = [len(stage.blocks) for stage in net.layers]
        rates = iter(drop_path_rates(drop_path, sum(depths)))
        mergings = [PatchMerging(stage.downsample) for stage in net.layers[1:]] + [nn.Identity()]
        self.layers = nn.ModuleList(
            Stage([_block(block, next(rates)) for block in stage.blocks], merging)
            for stage, merging in zip(net.layers, mergings, strict=True)
        )
        widths = [info["num_chs"] for info in net.feature_info]
        strides = [self.patch_embed.size * 2**stage for stage in range(4)]
        if features == "merged":
            widths, strides = [*widths[1:], widths[-1]], [*strides[1:], strides[-1]]
        self.channels, self.strides = tuple(widths), tuple(strides)
        self._sites = tuple(_sites(depths))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode a normalised image (B, 3, H, W) as four levels (S, B, C, h, w)."""
        x, tokens = self.patch_embed(image), None
        levels = []
        for index, stage in enumerate(self.layers):
            tokens = None if self.tokens is None else self.tokens(index, tokens)
            for block in stage.blocks:
                x, tokens = block(x, tokens)
            if self.features == "merged":
                level, x = self.branch(stage.downsample(x))
            else:
                level, x = self.branch(x)
                x = stage.downsample(x)
            levels.append(level.permute(0, 1, 4, 2, 3))
        return levels

    def sites(self) -> tuple[Site, ...]:
        """List the sites; a stage's `reduction` carries the index of its last block."""
        return self._sites


class Stage(nn.Module):
    """Hold the blocks of one resolution and the patch merging that ends it."""

    def __init__(self, blocks: list[PreNormBlock], downsample: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample


class PatchEmbed(nn.Module):
    """Embed patches: (B, 3, H, W) -> (S, B, h, w, C), the image padded with zeros to whole patches."""

    def __init__(self, embed: nn.Module) -> None:
        super().__init__()
        self.proj, self.norm = embed.proj, embed.norm
        self.size = embed.patch_size[0]

    def forward(self, image: Tensor) -> Tensor:
        """Embed a normalised image."""
        height, width = image.shape[-2:]
        image = F.pad(image, (0, -width % self.size, 0, -height % self.size))
        return self.norm(unfold_images(self.proj(image), image.shape[0]).permute(0, 1, 3, 4, 2))


class PatchMerging(nn.Module):
    """Join 2x2 neighbours: (S, B, H, W, C) -> (S, B, H/2, W/2, 2C); odd maps are padded with zeros."""

    def __init__(self, merging: nn.Module) -> None:
        super().__init__()
        self.norm, self.reduction = merging.norm, merging.reduction

    def forward(self, x: Tensor) -> Tensor:
        """Merge patches of every stream."""
        x = F.pad(x, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2))
        x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))  # (S, B, h, 2, w, 2, C)
        return self.reduction(self.norm(x.permute(0, 1, 2, 4, 5, 3, 6).flatten(4)))


class WindowAttention(Attention):
    """Attend inside (shifted) windows: (S, B, H, W, C) -> (S, B, H, W, C).

    `qkv` sees windows (S, B, windows, tokens, C) with the padding that timm gives them; `proj` sees the map
    (S, B, H, W, C), so where only `proj` fans out, attention and everything around it run once. The table of
    relative positions is (R, heads), or (S, R, heads).
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        attn = block.attn
        self.window, self.shift, self.heads = block.window_size, block.shift_size, attn.num_heads
        self.qkv, self.proj = attn.qkv, attn.proj
        self.relative_position_bias_table = attn.relative_position_bias_table
        self.register_buffer("relative_position_index", attn.relative_position_index, persistent=False)

    def windows(self, x: Tensor) -> Tensor:
        """Cut the shifted, padded map (S, B, H, W, C) into windows (S, B, windows, tokens, C)."""
        height, width = x.shape[2:4]
        (tall, wide), (down, right) = self.window, self.shift
        if any(self.shift):
            x = torch.roll(x, (-down, -right), (2, 3))
        x = F.pad(x, (0, 0, 0, -width % wide, 0, -height % tall))
        self._rows, self._columns = x.shape[2] // tall, x.shape[3] // wide
        x = x.unflatten(3, (self._columns, wide)).unflatten(2, (self._rows, tall)).transpose(3, 4)
        return x.flatten(4, 5).flatten(2, 3)

    def join(self, windows: Tensor, like: Tensor) -> Tensor:
        """Undo `windows`."""
        x = windows.unflatten(3, self.window).unflatten(2, (self._rows, self._columns)).transpose(3, 4)
        x = x.flatten(4, 5).flatten(2, 3)[:, :, : like.shape[2], : like.shape[3]]
        return torch.roll(x, self.shift, (2, 3)) if any(self.shift) else x

    def mix(self, qkv: Tensor, extra: int = 0) -> Tensor:
        """Turn (S, B, windows, tokens, 3·C) into (S, B, windows, tokens, C)."""
        tokens, heads = qkv.shape[3], self.heads
        places = tokens - extra
        table = self.relative_position_bias_table
        bias = table[..., self.relative_position_index.flatten(), :]
        bias = bias.view(-1, 1, places, places, heads).permute(0, 1, 4, 2, 3)
        if any(self.shift):
            mask = shift_mask(self._rows, self._columns, self.window, self.shift, qkv.device)
            bias = bias + mask[:, None]
        bias = F.pad(bias, (extra, 0, extra, 0)) if extra else bias
        # windows with a mask of their own stand beside the heads: all images share one (kinds·heads, N, N)
        streams, kinds = bias.shape[:2]
        if streams > qkv.shape[0]:
            qkv = qkv.expand(streams, *qkv.shape[1:])
        outer = (-1,) if streams == 1 else (streams, qkv[0, :, :, 0, 0].numel() // kinds)
        parts = qkv.reshape(*outer, kinds, tokens, 3, heads, qkv.shape[-1] // (3 * heads))
        query, key, value = parts.movedim(-3, 0).transpose(-2, -3).flatten(-4, -3)
        mask = bias.flatten(1, 2).to(query.dtype)
        mask = mask if streams == 1 else mask[:, None]
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return out.unflatten(-3, (kinds, heads)).transpose(-2, -3).reshape(*qkv.shape[:-1], -1)


@functools.lru_cache(maxsize=256)
def shift_mask(
    rows: int, columns: int, window: tuple[int, int], shift: tuple[int, int], device: torch.device
) -> Tensor:
    """Return (windows, tokens, tokens): -100 where only the shift made two tokens neighbours, else 0."""
    with torch.inference_mode(False):
        axes = []
        for count, size, by in zip((rows, columns), window, shift, strict=True):
            place = torch.arange(count * size, device=device)
            axes.append((place >= (count - 1) * size).int() + (place >= count * size - by).int())
        region = axes[0][:, None] * 3 + axes[1]
        region = region.view(rows, window[0], columns, window[1]).transpose(1, 2).flatten(2).flatten(0, 1)
        return (region[:, None] != region[:, :, None]) * -100.0


def _block(block: nn.Module, drop_path: float) -> PreNormBlock:
    return PreNormBlock(block.norm1, WindowAttention(block), block.norm2, block.mlp, drop_path=drop_path)


def _sites(depths: list[int]):
    for stage, depth in enumerate(depths):
        for block in range(depth):
            yield from block_sites(f"layers.{stage}.blocks.{block}", stage, block, block == depth - 1)
        if stage < len(depths) - 1:
            yield Site(f"layers.{stage}.downsample.reduction", "reduction", stage, depth - 1, True)

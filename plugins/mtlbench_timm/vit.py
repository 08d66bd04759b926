"""Drive timm's plain vision transformers over task streams."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtlbench.contracts.backbone import Attention, Site
from mtlbench.engine.compat import import_torchvision
from mtlbench.engine.streams import fold, unfold, unfold_images
from mtlbench_timm.blocks import PreNormBlock, drop_path_rates
from mtlbench_timm.driver import Driver, block_sites
from mtlbench_timm.errors import BadImageSize, UnknownModel
from mtlbench_timm.pyramid import Pyramid

import_torchvision()

from timm.layers import Attention as TimmAttention  # noqa: E402
from timm.layers import AttentionRope, apply_rot_embed_cat, resample_abs_pos_embed  # noqa: E402
from timm.layers import PatchEmbed as TimmPatchEmbed  # noqa: E402
from timm.models.eva import EvaAttention, EvaBlock  # noqa: E402
from timm.models.vision_transformer import Block as VitBlock  # noqa: E402

_ATTENTIONS = (TimmAttention, AttentionRope, EvaAttention)


class Vit(Driver):
    """Encode images with a plain vision transformer whose blocks run over streams.

    Runs timm's VisionTransformer (ViT, DeiT, DeiT III, DINOv2) and Eva (DINOv3) with pre-norm blocks. A stage
    is a quarter of the blocks; the tokens that leave its last block are brought to strides 4, 8, 16 and 32 by
    a trained `Pyramid`. Class and register tokens travel along and are dropped there; timm's final norm and
    head are left out. For an image of another size than the network was built for, position embeddings are
    resampled.
    """

    strides = (4, 8, 16, 32)

    def __init__(self, net: nn.Module, *, drop_path: float = 0.0, **about) -> None:
        """Take the modules of `net`, a timm VisionTransformer or Eva; `about` goes to `Driver`.

        Raises:
            UnknownModel: its blocks are of another kind.
        """
        super().__init__(**about)
        if (
            type(net.patch_embed) is not TimmPatchEmbed
            or getattr(net, "rope_mixed", False)
            or len(net.blocks) < 4
        ):
            raise UnknownModel(
                f"No driver runs this kind of {type(net).__name__} (hybrid stem, rotation per block, or "
                "fewer than four blocks); choose another `backbone.name`."
            )
        self.patch_embed = PatchEmbed(net.patch_embed)
        self.cls_token, self.reg_token, self.pos_embed = net.cls_token, net.reg_token, net.pos_embed
        self.prefix, self._prefix_has_position = net.num_prefix_tokens, not net.no_embed_class
        self._grid = tuple(net.patch_embed.grid_size)
        self.norm_pre = net.norm_pre
        self._present = Grid()
        self.rope = getattr(net, "rope", None)
        angles = None if self.rope is None else self.rope.get_embed(shape=list(self._grid))
        self.register_buffer("_angles", angles, persistent=False)
        depth = len(net.blocks)
        rates = drop_path_rates(drop_path, depth)
        self.blocks = nn.ModuleList(
            _block(block, self._present, rate) for block, rate in zip(net.blocks, rates, strict=True)
        )
        self._ends = [round((quarter + 1) * depth / 4) - 1 for quarter in range(4)]
        self.pyramid = Pyramid(net.embed_dim, self.patch_embed.size)
        self.channels = self.pyramid.channels
        self._sites = tuple(_sites(self._ends))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode a normalised image (B, 3, H, W) as four levels (S, B, C, h, w).

        Raises:
            BadImageSize: the image is not a whole number of patches.
        """
        patches = self.patch_embed(image)
        grid = tuple(patches.shape[2:4])
        known = self.rope is None or grid == self._grid
        self._present.size = grid
        self._present.angles = self._angles if known else self.rope.get_embed(shape=list(grid))
        x, tokens = self.norm_pre(self._tokens(patches)), None
        levels = []
        for index, block in enumerate(self.blocks):
            if self.tokens is not None and index - 1 in (-1, *self._ends):
                tokens = self.tokens(len(levels), tokens)
            x, tokens = block(x, tokens)
            if index in self._ends:
                level, x = self.branch(x)
                levels.append(level[:, :, self.prefix :].unflatten(2, grid))
        return self.pyramid(levels, image.shape[-2:])

    def sites(self) -> tuple[Site, ...]:
        """List the sites; `stage` is the quarter, `block` counts inside it."""
        return self._sites

    def _tokens(self, patches: Tensor) -> Tensor:
        """Flatten patches (S, B, h, w, C) to (S, B, prefix + h·w, C), positions added."""
        position = self.pos_embed
        if position is not None and tuple(patches.shape[2:4]) != self._grid:
            position = resample_abs_pos_embed(
                position,
                new_size=list(patches.shape[2:4]),
                old_size=list(self._grid),
                num_prefix_tokens=self.prefix if self._prefix_has_position else 0,
            )
        x = patches.flatten(2, 3)
        prefix = [t.expand(*x.shape[:2], -1, -1) for t in (self.cls_token, self.reg_token) if t is not None]
        if position is None:
            return torch.cat([*prefix, x], 2)
        if self._prefix_has_position:
            return torch.cat([*prefix, x], 2) + position
        return torch.cat([*prefix, x + position], 2)


class PatchEmbed(nn.Module):
    """Embed patches: (B, 3, H, W) -> (S, B, h, w, C)."""

    def __init__(self, embed: nn.Module) -> None:
        super().__init__()
        self.proj, self.norm = embed.proj, embed.norm
        self.size = embed.patch_size[0]

    def forward(self, image: Tensor) -> Tensor:
        """Embed a normalised image."""
        height, width = image.shape[-2:]
        if height % self.size or width % self.size:
            raise BadImageSize(
                f"An image of {height}x{width} is not a whole number of {self.size}x{self.size} patches; "
                "resize or crop it in the dataset's transforms."
            )
        return self.norm(unfold_images(self.proj(image), image.shape[0]).permute(0, 1, 3, 4, 2))


class Grid:
    """Tell every attention the present image's size in patches, and its rotary embedding if it has one."""

    size: tuple[int, int]
    angles: Tensor | None = None


class GlobalAttention(Attention):
    """Attend over all tokens: (S, B, N, C) -> (S, B, N, C).

    A bias that timm keeps beside `qkv` is added to what `qkv` returns, so a replacement of `qkv` is honoured.
    """

    def __init__(self, attn: nn.Module, grid: Grid) -> None:
        super().__init__()
        self.heads = attn.num_heads
        self.qkv, self.proj = attn.qkv, attn.proj
        self.q_norm, self.k_norm, self.norm = attn.q_norm, attn.k_norm, attn.norm
        self.q_bias, self.v_bias = getattr(attn, "q_bias", None), getattr(attn, "v_bias", None)
        self._present = grid
        self._half = getattr(attn, "rotate_half", False)

    def windows(self, x: Tensor) -> Tensor:
        """Take all tokens as one window: (S, B, N, C) -> (S, B, 1, N, C)."""
        self.window = self._present.size
        return x[:, :, None]

    def join(self, windows: Tensor, like: Tensor) -> Tensor:
        """Undo `windows`."""
        return windows[:, :, 0]

    def mix(self, qkv: Tensor, extra: int = 0) -> Tensor:
        """Mix the tokens of every stream: (S, B, 1, N, 3·C) -> (S, B, 1, N, C), `extra` ones unrotated."""
        if self.q_bias is not None:
            qkv = qkv + torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        streams = qkv.shape[0]
        parts = fold(qkv[:, :, 0]).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        query, key = self._rotate(self.q_norm(query)), self._rotate(self.k_norm(key))
        x = F.scaled_dot_product_attention(query.type_as(value), key.type_as(value), value)
        return self.norm(unfold(x.transpose(1, 2).flatten(2), streams))[:, :, None]

    def _rotate(self, x: Tensor) -> Tensor:
        """Rotate the patch tokens of (B, heads, N, d); those before them have no place."""
        angles = self._present.angles
        if angles is None:
            return x
        prefix = x.shape[2] - angles.shape[0]
        rotated = apply_rot_embed_cat(x[:, :, prefix:], angles, half=self._half)
        return torch.cat([x[:, :, :prefix], rotated], 2)


def _block(block: nn.Module, grid: Grid, drop_path: float) -> PreNormBlock:
    attn, mlp = block.attn, block.mlp
    known = type(block) in (VitBlock, EvaBlock) and type(attn) in _ATTENTIONS and hasattr(mlp, "fc1")
    if not known or attn.qkv is None or attn.gate is not None:
        raise UnknownModel(
            f"No driver runs {type(block).__name__} with {type(attn).__name__} and {type(mlp).__name__} as "
            "this model has them; choose another `backbone.name`."
        )
    if isinstance(block, EvaBlock):
        gammas = (block.gamma_1, block.gamma_2)
    else:
        gammas = tuple(getattr(scale, "gamma", None) for scale in (block.ls1, block.ls2))
    return PreNormBlock(
        block.norm1, GlobalAttention(attn, grid), block.norm2, mlp, gammas=gammas, drop_path=drop_path
    )


def _sites(ends: list[int]):
    start = 0
    for stage, end in enumerate(ends):
        for index in range(start, end + 1):
            yield from block_sites(f"blocks.{index}", stage, index - start, index == end)
        start = end + 1

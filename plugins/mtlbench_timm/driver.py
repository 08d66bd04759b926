"""Share what all drivers of timm networks have in common."""

from __future__ import annotations

from torch import Tensor

from mtlbench.contracts.backbone import Backbone, Site

_BLOCK_ROLES = {
    "norm1": "norm1",
    "attn": "attn",
    "attn.qkv": "qkv",
    "attn.proj": "proj",
    "norm2": "norm2",
    "mlp": "mlp",
    "mlp.fc1": "fc1",
    "mlp.fc2": "fc2",
    "": "block",
}
# the first part of a parameter's name that stands here decides, in this order
_PARAMETER_ROLES = {
    "patch_embed": "patch_embed",
    "pyramid": "pyramid",
    "pos_embed": "pos_embed",
    "cls_token": "pos_embed",
    "reg_token": "pos_embed",
    "relative_position_bias_table": "rel_pos_bias",
    "reduction": "reduction",
    **dict.fromkeys(("norm", "norm1", "norm2", "norm_pre", "q_norm", "k_norm"), "norm"),
    "attn": "attn",
    "scale1": "attn",
    "mlp": "mlp",
    "scale2": "mlp",
}


def keep(x: Tensor) -> tuple[Tensor, Tensor]:
    """Hand the same streams to the decoder and to the next stage."""
    return x, x


class Driver(Backbone):
    """Hold the modules of a pretrained timm network and run them over streams."""

    def __init__(
        self,
        *,
        mean: tuple[float, float, float] = Backbone.mean,
        std: tuple[float, float, float] = Backbone.std,
        fingerprint: str = "random",
    ) -> None:
        super().__init__()
        self.mean, self.std = tuple(mean), tuple(std)
        self.branch = keep
        self._fingerprint = fingerprint

    def parameter_role(self, name: str) -> str:
        """Name the role of one own parameter; the scales of blocks count to what they scale.

        What an adapter brought to a place of its own is called `adapter`.
        """
        parts = name.split(".")
        return next((role for part, role in _PARAMETER_ROLES.items() if part in parts), "adapter")

    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the sha256 of the pretrained tensors, or `random`."""
        return self._fingerprint


def block_sites(path: str, stage: int, block: int, last: bool) -> list[Site]:
    """List what may be replaced in the block at `path`, and the block."""
    return [
        Site(f"{path}.{part}".rstrip("."), role, stage, block, last) for part, role in _BLOCK_ROLES.items()
    ]

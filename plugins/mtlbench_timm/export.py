"""Write the weights of a trained backbone as a file that `weights=PATH` loads again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from mtlbench_timm.swin import Swin


def export_backbone(backbone: Swin, path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write the parameters of an unadapted Swin under timm's names, as float16 safetensors.

    `metadata` (strings only) goes into the file's header: how the weights came about.
    """
    tensors = {
        _timm_name(name): parameter.detach().to("cpu", torch.float16).contiguous()
        for name, parameter in backbone.named_parameters()
    }
    save_file(tensors, path, dict(metadata))


def _timm_name(name: str) -> str:
    """Return timm's name of a parameter: there, patch merging belongs to the stage it leads to."""
    parts = name.split(".")
    if "downsample" in parts:
        parts[1] = str(int(parts[1]) + 1)
    return ".".join(parts)

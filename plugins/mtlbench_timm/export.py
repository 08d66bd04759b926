"""Write the weights of a trained backbone as a file that `weights=PATH` loads again."""

from __future__ import annotations

import sys
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


def main(run_dir: str, path: str) -> None:
    """Write the backbone of a finished pretraining run: `python -m mtlbench_timm.export RUN_DIR FILE`."""
    from mtlbench.engine.checkpoint import load_latest
    from mtlbench_timm.rooms import RoomsSwin

    content = load_latest(Path(run_dir) / "checkpoints")
    if content is None:
        raise SystemExit(f"{run_dir} has no checkpoint; run configs/pretrain_rooms_swin.py first.")
    backbone = RoomsSwin(pretrained=False)
    prefix = "backbone."
    trained = {n.removeprefix(prefix): v for n, v in content["model"].items() if n.startswith(prefix)}
    backbone.load_state_dict(trained)
    identity = content["identity"]
    note = {
        "recipe": "configs/pretrain_rooms_swin.py",
        "config": identity["config"],
        "seed": str(identity["seed"]),
        "step": str(content["step"]),
    }
    export_backbone(backbone, path, note)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Build the public release of MTLoRA from a checkout, with the weights of ours, for `mtlora.py` to time."""

from __future__ import annotations

import contextlib
import io
import sys
import types

from torch import Tensor, nn


def release(path: str, ours: nn.Module, size: int, rank: int, dropout: float) -> nn.Module:
    """Build the released model from its checkout, with our weights; what it imports in vain is stubbed."""
    sys.path.insert(0, path)
    for name, symbol in (("termcolor", "colored"), ("ptflops", "get_model_complexity_info")):
        stub = types.ModuleType(name)
        setattr(stub, symbol, None)
        sys.modules.setdefault(name, stub)
    from models.swin_mtl import MultiTaskSwin
    from models.swin_transformer_mtlora import SwinTransformerMTLoRA

    tasks = ours.decoder.tasks
    per_stage = {"R_PER_TASK_LIST": dict.fromkeys(tasks, 4) | {"shared": rank}, "SHARED_SCALE": 4.0}
    per_stage |= {"SCALE_PER_TASK_LIST": dict.fromkeys(tasks, 4.0), "DROPOUT": dropout}
    switches = dict.fromkeys(("ENABLED", "QKV_ENABLED", "PROJ_ENABLED", "FC1_ENABLED", "FC2_ENABLED"), True)
    switches |= dict.fromkeys(("TRAINABLE_SCALE_SHARED", "TRAINABLE_SCALE_PER_TASK"), False)
    mtlora = types.SimpleNamespace(
        **{key: [value] * 4 for key, value in per_stage.items()},
        **switches,
        INTERMEDIATE_SPECIALIZATION=False,
        DOWNSAMPLER_ENABLED=False,
        SHARED_MODE="matrix",
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its options
        backbone = SwinTransformerMTLoRA(
            img_size=size, num_classes=0, drop_path_rate=0.0, tasks=list(tasks), mtlora=mtlora
        )
    model = types.SimpleNamespace(
        MTLORA=mtlora,
        DECODER_HEAD={},
        DECODER_CHANNELS=list(ours.decoder.neck_channels),
        DECODER_DOWNSAMPLER=True,
        PER_TASK_DOWNSAMPLER=True,
    )
    all_tasks = types.SimpleNamespace(ALL_TASKS=types.SimpleNamespace(NUM_OUTPUT=tasks))
    config = types.SimpleNamespace(TASKS=list(tasks), TASKS_CONFIG=all_tasks, MODEL=model)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = MultiTaskSwin(backbone, config)
    own = released_names(ours)
    missing, unexpected = theirs.load_state_dict(own, strict=False)
    dead = {f"backbone.layers.3.blocks.1.mlp.fc2.lora_shared_{part}" for part in "AB"}
    left = {name for name in missing if not name.endswith(("attn_mask", "index", "num_batches_tracked"))}
    if unexpected or left != dead:
        raise SystemExit(f"This release has other weights than ours: {sorted(left ^ dead)}, {unexpected}.")
    for name, parameter in theirs.named_parameters():
        parameter.requires_grad_(name in dead or own[name].requires_grad)
    return theirs


def released_names(ours: nn.Module) -> dict[str, Tensor]:
    """Return our parameters and statistics by the names that the release has for them."""
    state: dict[str, Tensor] = {}
    for name, value in ours.backbone.named_parameters(prefix="backbone"):
        if ".shared." in name:
            path, part = name.split(".shared.")
            state[f"{path}.lora_shared_{part}"] = value[0].detach().requires_grad_()
        elif ".task." in name:
            path, part = name.split(".task.")
            for task, one in zip(ours.decoder.tasks, value, strict=True):
                state[f"{path}.lora_tasks_{part}.{task}"] = one.detach().requires_grad_()
        else:
            state[name.replace(".frozen.", ".linear.")] = value
    for t, (task, head) in enumerate(ours.decoder.heads.items()):
        for level, neck in enumerate(ours.decoder.neck):
            kernel = neck.weight[t].detach()[:, :, None, None].requires_grad_()
            state[f"downsampler.{task}.downsample_{level}.weight"] = kernel
        path = f"decoders.decoders.{task}.last_layer"
        for index, layer in ((0, head.fuse), (3, head.predict)):
            state[f"{path}.{index}.weight"] = layer.weight.detach()[:, :, None, None].requires_grad_()
            state[f"{path}.{index}.bias"] = layer.bias
        state |= {f"{path}.1.{key}": value for key, value in head.norm.state_dict(keep_vars=True).items()}
    return state

"""Build the public release of FAAR from a checkout, with the weights of ours, for `faar.py` to time."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections.abc import Iterator

from torch import Tensor, nn


class Release(nn.Module):
    """Step through the released model as ours: `forward` returns maps, `penalty` what it adds to the loss."""

    def __init__(self, path: str, ours: nn.Module, size: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.net = released(path, ours, size, rank, dropout)
        self.backbone = self.net.backbone

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        maps, self.regulariser = self.net(image, training=True)
        return maps

    def penalty(self) -> Tensor:
        """Return the penalty of the last forward."""
        return self.regulariser.sum()

    def before_step(self, seed: int) -> None:
        """Draw ranks during forward, from torch's generator."""

    def after_backward(self) -> None:
        """Score all slots."""
        for _, layer in self.layers():
            layer.update_rank_scores_from_grads()

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the adapted layers by path."""
        for name, module in self.backbone.named_modules():
            if hasattr(module, "update_rank_scores_from_grads"):
                yield name, module

    def use(self, ranks: dict[str, dict[str, int]]) -> None:
        """Run with these ranks: location -> stream -> b."""
        for path, layer in self.layers():
            layer.rank_override_shared = ranks[path].get("shared", 1)
            layer.rank_override_tasks = ranks[path]

    def shrink(self, rank: int) -> None:
        """Set every cap to `rank`, as its own shrinking does."""
        for _, layer in self.layers():
            for name in [name for name in vars(layer) if name.startswith("R_active")]:
                setattr(layer, name, rank)


def released(path: str, ours: nn.Module, size: int, rank: int, dropout: float) -> nn.Module:
    """Build the released model with our weights; what it imports in vain is stubbed."""
    sys.path.insert(0, path)
    sys.breakpointhook = lambda *_, **__: None  # it has one in its forward pass
    for name, symbol in (("termcolor", "colored"), ("ptflops", "get_model_complexity_info")):
        stub = types.ModuleType(name)
        setattr(stub, symbol, None)
        sys.modules.setdefault(name, stub)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its options
        from models.swin_mtl import MultiTaskSwin
        from models.swin_transformer_mtlora import SwinTransformerMTLoRA

        tasks = ours.decoder.tasks
        per_stage = {"R_PER_TASK_LIST": dict.fromkeys([*tasks, "shared"], rank), "SHARED_SCALE": 4.0}
        per_stage |= {"SCALE_PER_TASK_LIST": dict.fromkeys(tasks, 4.0), "DROPOUT": dropout}
        parts = ("", "QKV_", "PROJ_", "FC1_", "FC2_", "DOWNSAMPLER_")
        mtlora = types.SimpleNamespace(
            **{key: [value] * 4 for key, value in per_stage.items()},
            **dict.fromkeys([f"{part}ENABLED" for part in parts], True),
            TRAINABLE_SCALE_SHARED=False,
            TRAINABLE_SCALE_PER_TASK=False,
            INTERMEDIATE_SPECIALIZATION=False,
            SHARED_MODE="matrix",
        )
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
        theirs = MultiTaskSwin(backbone, config)
    own = backbone_names(ours) | decoder_names(ours)
    missing, unexpected = theirs.load_state_dict(own, strict=False)
    dead = {
        f"backbone.layers.3.blocks.1.mlp.fc2.{part}"
        for part in ("lora_shared_A", "lora_shared_B", "shared_log_m")
    }
    buffers = ("attn_mask", "index", "num_batches_tracked")
    left = {name for name in missing if not name.endswith(buffers) and ".ema_score" not in name}
    if unexpected or left != dead:
        raise SystemExit(f"This release has other weights than ours: {sorted(left ^ dead)}, {unexpected}.")
    for name, parameter in theirs.named_parameters():
        parameter.requires_grad_(name in dead or own[name].requires_grad)
    return theirs


def backbone_names(ours: nn.Module) -> dict[str, Tensor]:
    """Return the backbone's parameters by the names that the release has for them."""
    parts = {"A": "lora_{}_A", "B": "lora_{}_B", "theta": "{}_log_m"}
    state = {}
    for name, value in ours.backbone.named_parameters(prefix="backbone"):
        path, _, key = name.rpartition(".")
        path, _, part = path.rpartition(".")
        if part in parts:
            kind = parts[part].format("shared" if key == "shared" else "task" if part == "theta" else "tasks")
            state[f"{path}.{kind}" + ("" if key == "shared" else f".{key}")] = value
        else:
            state[name.replace(".frozen.", ".linear.")] = value
    return state


def decoder_names(ours: nn.Module) -> dict[str, Tensor]:
    """Return the decoder's parameters and statistics by the names that the release has for them."""
    state: dict[str, Tensor] = {}
    decoder = ours.decoder
    for t, (task, head) in enumerate(decoder.heads.items()):
        path, start = f"decoders.decoders.{task}", 0
        for level, (neck, width) in enumerate(zip(decoder.neck, decoder.neck_channels, strict=True)):
            own = slice(start, start := start + width)
            f, frequencies = decoder.filter, f"{path}.lora_freqs.{level}"
            state[f"downsampler.{task}.downsample_{level}.weight"] = neck.weight[t][:, :, None, None]
            state[f"{frequencies}.lora_bin_weight"] = f.weight[t, own].T[None]
            state[f"{frequencies}.lora_ssf_scale"] = f.scale[t, own][None]
            state[f"{frequencies}.lora_ssf_shift"] = f.shift[t, own][None]
            state[f"{frequencies}.lora_alpha"] = f.alpha[t, level].view(1, 1, 1, 1)
        c = decoder.consensus
        state |= {f"{path}.lora_eug_alpha_low": c.a_low[t], f"{path}.lora_eug_alpha_high": c.a_edge[t]}
        state |= {f"{path}.anchor_scale_low": c.gamma_low[t], f"{path}.anchor_scale_edge": c.gamma_edge[t]}
        for index, layer in ((0, head.fuse), (3, head.predict)):
            state[f"{path}.last_layer.{index}.weight"] = layer.weight[:, :, None, None]
            state[f"{path}.last_layer.{index}.bias"] = layer.bias
        norm = head.norm.state_dict(keep_vars=True).items()
        state |= {f"{path}.last_layer.1.{key}": value for key, value in norm}
    return state

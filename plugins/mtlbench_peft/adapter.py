"""Tuners of Hugging Face's package peft on our backbones."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Collection, Sequence
from typing import Any

from torch import Tensor, nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.compat import import_torchvision
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_peft.tuners import check

import_torchvision()

from peft import PeftConfig, PeftType  # noqa: E402
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING  # noqa: E402
from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: E402

#: options of peft that say which modules are tuned or what else trains: `roles` and `trains` say so here
_OURS = {field.name for field in dataclasses.fields(PeftConfig)} | {
    "bias",
    "exclude_modules",
    "layers_pattern",
    "layers_to_transform",
    "modules_to_save",
    "target_modules",
    "target_parameters",
}


class Peft(Adapter):
    """Let a tuner of the package peft change layers of the backbone, alike for all tasks.

    Args:
        tasks: names of the tasks; the tuner doesn't tell them apart.
        tuner: peft's name of the method in small letters, such as `vera`.
        roles: which layers are tuned, among `qkv`, `proj`, `fc1`, `fc2` and `reduction`; for `ln_tuning`
            `norm1` and `norm2`.
        trains: roles of the backbone's own parameters that train too.
        options: the tuner's own options, by peft's names.
    """

    checks_options = True

    def __init__(
        self,
        tasks: Sequence[str],
        tuner: str = "lora",
        roles: Collection[str] = ("qkv", "proj", "fc1", "fc2"),
        trains: Collection[str] = ("norm", "patch_embed", "rel_pos_bias"),
        **options: Any,
    ) -> None:
        super().__init__(tasks)
        check(tuner)
        self.tuner, self.roles, self.trains = tuner, tuple(roles), tuple(trains)
        kind = PeftType(tuner.upper())
        self._config, self._tuner = PEFT_TYPE_TO_CONFIG_MAPPING[kind], PEFT_TYPE_TO_TUNER_MAPPING[kind]
        known = {field.name for field in dataclasses.fields(self._config) if field.init} - _OURS
        for option in options:
            if option not in known:
                raise MtlbenchError(
                    f"The tuner {tuner!r} has no option {option!r}.{did_you_mean(option, known)} "
                    f"It takes: {', '.join(sorted(known))}."
                )
        if "save_projection" in known:  # what a seed of its own restores would be saved with every layer
            options = {"save_projection": False, **options}
        self.options = options

    def attach(self, backbone: Backbone) -> None:
        """Let the tuner replace every layer of the chosen roles.

        Raises:
            MtlbenchError: the tuner cannot work with its options or on these layers.
        """
        sites = [site for site in backbone.sites() if site.role in self.roles]
        paths, options = [site.path for site in sites], dict(self.options)
        if self.tuner == "ia3":  # its vectors scale the inputs of the second layer of an MLP, else outputs
            options.setdefault("feedforward_modules", [site.path for site in sites if site.role == "fc2"])
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Specified to not save")
                config = self._config(target_modules=paths, **options)
            # not by peft's `inject_adapter_in_model`, which refuses tuners whose layers share tensors
            tuner = self._tuner(backbone, config, adapter_name="default")
        except (ImportError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise MtlbenchError(
                f"peft cannot put the tuner {self.tuner!r} on {', '.join(self.roles)}: {error} "
                "Change its options or `roles`, or take another tuner."
            ) from error
        shared = {name: part for name, part in tuner.named_children() if part is not backbone}
        if shared:
            backbone.add_module("peft", nn.ModuleDict(shared))
        for path in paths:
            backbone.set_submodule(path, Tuned(backbone.get_submodule(path)))


class Tuned(nn.Module):
    """Hand streams (S, B, ..., I) to a layer of peft as rows (n, I), which all of them take."""

    def __init__(self, layer: BaseTunerLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(0, -2)).unflatten(0, x.shape[:-1])

    def deployed(self) -> nn.Module:
        """Return the layer that was tuned with what the tuner learned in its weights."""
        self.layer.merge()
        return self.layer.get_base_layer()

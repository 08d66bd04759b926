"""Replace parts of a backbone by an adapter's modules, and those by plain layers once training is over."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from torch import nn

from mtlbench.contracts.backbone import Backbone, Site


def replace(
    backbone: Backbone, roles: Collection[str], make: Callable[[Any, Site], nn.Module]
) -> dict[str, Any]:
    """Put `make(module, site)` in the place of every module that has one of `roles`.

    No role may be part of another (`qkv` of `attn`).

    Returns:
        path -> what now stands there, in the order of execution.
    """
    replaced = {}
    for site in backbone.sites():
        if site.role in roles:
            replaced[site.path] = make(backbone.get_submodule(site.path), site)
            backbone.set_submodule(site.path, replaced[site.path])
    return replaced


def merge(model: nn.Module) -> None:
    """Put `module.deployed()` in the place of every module below `model` that can become a plainer one."""
    for path, module in list(model.named_modules()):
        if hasattr(module, "deployed"):
            model.set_submodule(path, module.deployed())

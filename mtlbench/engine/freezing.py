"""Decide, in one place, which parameters train and to which group each belongs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from torch import nn

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.config import ConfigError

if TYPE_CHECKING:
    from mtlbench.engine.model import MultiTaskModel

Group = Literal["adapter", "backbone", "decoder", "balancer", "learner"]
GROUPS: tuple[Group, ...] = ("adapter", "backbone", "decoder", "balancer", "learner")

#: what `Backbone.parameter_role` may answer
_ROLES = {"patch_embed", "norm", "rel_pos_bias", "pos_embed", "reduction", "attn", "mlp", "pyramid"}
#: layers that no checkpoint holds have to train under every adapter
_ALWAYS = frozenset({"pyramid"})


def attach(adapter: Adapter, backbone: Backbone) -> frozenset[int]:
    """Freeze the backbone, let the adapter inject its modules, then thaw the roles it asks for.

    Frozen modules stay in evaluation mode for good (`MultiTaskModel.train`), so that neither statistics nor
    stochastic depth move in a network that does not train.

    Returns:
        ids of the parameters that the adapter brought.
    """
    own = dict(backbone.named_parameters())
    roles = {name: backbone.parameter_role(name) for name in own}
    unknown = set(adapter.trains) - {"all"} - _ROLES
    if unknown:
        raise ConfigError(
            f"No backbone parameter has the role {sorted(unknown)[0]!r}; roles are {sorted(_ROLES)}."
        )
    backbone.requires_grad_(False)
    adapter.attach(backbone)
    wanted = _ALWAYS | set(adapter.trains)
    for name, parameter in own.items():
        parameter.requires_grad_("all" in wanted or roles[name] in wanted)
    kept = {id(parameter) for parameter in own.values()}
    return frozenset(id(parameter) for parameter in backbone.parameters() if id(parameter) not in kept)


def grouped_parameters(
    model: nn.Module, injected: frozenset[int]
) -> Iterator[tuple[Group, str, nn.Parameter]]:
    """Yield (group, name, parameter) for every parameter of a multi-task model."""
    for name, parameter in model.named_parameters():
        part = name.split(".", 1)[0]
        if part == "backbone":
            yield ("adapter" if id(parameter) in injected else "backbone"), name, parameter
        else:
            yield part, name, parameter  # type: ignore[misc]


def optimizer_groups(model: MultiTaskModel, weight_decay: float) -> list[dict[str, object]]:
    """Split what trains into two groups; few groups keep the optimiser's step fast.

    Matrices and kernels decay; biases, norms, scales, tables of relative positions and balancers don't.
    """
    decay: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for group, name, parameter in grouped_parameters(model, model.injected):
        if parameter.requires_grad:
            table = group in ("backbone", "adapter") and _role(model, name) == "rel_pos_bias"
            exempt = parameter.ndim <= 1 or table or group == "balancer"
            (rest if exempt else decay).append(parameter)
    groups = [{"params": decay, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def _role(model: MultiTaskModel, name: str) -> str:
    return model.backbone.parameter_role(name.removeprefix("backbone."))

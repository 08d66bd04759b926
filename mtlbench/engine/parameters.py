"""Count parameters, in fixed groups, with one function for everybody."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch.func import functional_call

from mtlbench.engine.freezing import GROUPS, grouped_parameters
from mtlbench.engine.model import MultiTaskModel
from mtlbench.engine.sharing import unreached


@dataclass(frozen=True)
class ParameterReport:
    """Count what trains by group, what trains in name only (`dead`: no gradient ever), and everything."""

    adapter: int
    backbone: int
    decoder: int
    balancer: int
    learner: int
    trainable: int
    dead: int
    total: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def count(model: MultiTaskModel, dead: tuple[str, ...] = ()) -> ParameterReport:
    """Count the parameters of a model as it is now; `dead` names those that `dead_parameters` found."""
    groups = dict.fromkeys(GROUPS, 0)
    total = lost = 0
    for group, name, parameter in grouped_parameters(model, model.injected):
        total += parameter.numel()
        if parameter.requires_grad:
            groups[group] += parameter.numel()
            lost += parameter.numel() if name in dead else 0
    return ParameterReport(**groups, trainable=sum(groups.values()), dead=lost, total=total)


def dead_parameters(model: MultiTaskModel, size: tuple[int, int]) -> tuple[str, ...]:
    """Return the names of trainable parameters that no output depends on.

    One backward pass of all outputs, those that are only supervised included, the balancer's weights and the
    penalties, on one grey image of `size`, in evaluation mode, so that no statistic moves.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    model.decoder.training = True  # the module alone, which then yields what is only supervised, too
    _, levels = model.encode(torch.full((1, 3, *size), 127, dtype=torch.uint8, device=device))
    decoded = model.decoder(levels)
    losses = {task: output.float().square().mean() for task, output in decoded.maps.items()}
    for _, maps in decoded.auxiliary:
        for task, output in maps.items():
            losses[task] = losses[task] + output.float().square().mean()
    weights = model.balancer.weights({task: loss.detach() for task, loss in losses.items()})
    total = sum(weights[task] * loss for task, loss in losses.items()) + model.balancer.penalty(tuple(losses))
    penalty = model.adapter.penalty()
    total = total if penalty is None else total + penalty
    total.backward()
    silent = {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }
    # a gradient of zero may be one that starts at zero only
    hidden = unreached(model, size) if any(p.grad is not None for p in silent.values()) else set()
    dead = tuple(name for name, p in silent.items() if p.grad is None or p in hidden)
    model.zero_grad(set_to_none=True)
    model.train(was_training)
    # a learner's own parameters act on losses that this pass does not form
    return tuple(name for name in dead if not name.startswith("learner."))


def macs_per_image(model: MultiTaskModel, size: tuple[int, int]) -> tuple[int, int]:
    """Count one image of `size`: (multiply-accumulates of products and convolutions, backbone passes)."""
    from torch.utils.flop_counter import FlopCounterMode

    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    counter, passes = FlopCounterMode(display=False), []
    handle = model.backbone.register_forward_hook(lambda *_: passes.append(1))
    # the counter's hooks fail on a module that returns a view of what trains, such as prompts
    values = {name: parameter.detach() for name, parameter in model.named_parameters()}
    with torch.no_grad(), counter:
        functional_call(model, values, torch.full((1, 3, *size), 127, dtype=torch.uint8, device=device))
    handle.remove()
    model.train(was_training)
    return counter.get_total_flops() // 2, len(passes)

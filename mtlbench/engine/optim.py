"""The optimiser wrapper: the one place where task losses become one update."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from mtlbench.contracts.adapter import Selection
from mtlbench.engine import distributed
from mtlbench.engine.config import Optimizer
from mtlbench.engine.model import MultiTaskModel, TaskLosses
from mtlbench.errors import MtlbenchError


class NonFiniteLoss(MtlbenchError):
    """Name the tasks whose loss became NaN or infinite."""


@OPTIM_WRAPPERS.register_module()
class BalancedOptimWrapper(OptimWrapper):
    """Balance task losses, back-propagate once, average over processes, clip, let the adapter look, step.

    Args:
        optimizer: over the parameters that train.
        model: whose balancer and adapter take part.
        clip: largest norm of the gradient, or None.
        accumulate: number of batches whose mean gradient makes one step.
        amp: `bf16` runs the forward pass under autocast; the weights stay float32.

    `weights` holds the effective weight of every active task's loss in the last batch: w_t of w_t · f(L_t).
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: MultiTaskModel,
        clip: float | None = None,
        accumulate: int = 1,
        amp: str = "none",
    ) -> None:
        super().__init__(optimizer, accumulative_counts=accumulate)
        self.model = model
        self.clip = clip
        self.amp = amp
        self.weights: dict[str, torch.Tensor] = {}

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Return what trains, in the optimiser's order."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass in the wanted precision."""
        device = next(iter(self.parameters)).device.type
        context: AbstractContextManager[Any] = torch.autocast(
            device, dtype=torch.bfloat16, enabled=self.amp == "bf16"
        )
        with context:
            yield

    def update_params(self, loss: TaskLosses, **_: Any) -> None:  # type: ignore[override]
        """Take the losses of one batch; step after every `accumulate` batches.

        Raises:
            NonFiniteLoss: a loss is NaN or infinite; nothing was changed by this batch.
        """
        self.backward(self.scale_loss(self._total(loss)))
        if self.should_update():
            distributed.average_gradients(self.parameters)
            if self.clip:
                nn.utils.clip_grad_norm_(self.parameters, self.clip)
            self.model.adapter.after_backward()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)

    def _total(self, loss: TaskLosses) -> torch.Tensor:
        balancer = self.model.balancer
        terms = {task: balancer.transform(value) for task, value in loss.active.items()}
        detached = {task: term.detach() for task, term in terms.items()}
        values = {**detached, **{name: extra.detach() for name, extra in loss.extra.items()}}
        if values:
            finite = torch.isfinite(torch.stack([v.float() for v in values.values()])).tolist()
            if not all(finite):
                bad = [name for name, good in zip(values, finite, strict=True) if not good]
                shown = ", ".join(f"{name} = {float(values[name])}" for name in bad)
                raise NonFiniteLoss(
                    f"The loss became non-finite: {shown}. The run stopped before this step changed "
                    "anything; the last good checkpoint is kept. Lower optimizer.lr, set "
                    "schedule.clip_grad, or check the labels of this task (mtlbench data check)."
                )
        weights = balancer.weights(detached) if detached else {}
        self.weights = {task: weight.detach() for task, weight in weights.items()}
        total = loss.penalty + balancer.penalty(tuple(terms)).to(loss.penalty)
        for task, term in terms.items():
            total = total + weights[task] * term
        for extra in loss.extra.values():
            total = total + extra
        return total


def build_optimizer(options: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Build the optimiser that the config names."""
    if options.type == "SGD":
        return torch.optim.SGD(groups, lr=options.lr, momentum=options.momentum)
    kind = torch.optim.AdamW if options.type == "AdamW" else torch.optim.Adam
    return kind(groups, lr=options.lr, betas=options.betas, fused=True)


def apply_selections(selections: list[Selection], optimizer: torch.optim.Optimizer) -> None:
    """Cut parameters, their gradients and the optimiser's state of them together; identities are kept."""
    for parameter, dim, index in selections:
        state = optimizer.state.get(parameter, {})
        for key, value in state.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                state[key] = value.index_select(dim, index).contiguous()
        if parameter.grad is not None:
            gradient = parameter.grad.index_select(dim, index)
            parameter.grad = None
        else:
            gradient = None
        parameter.data = parameter.data.index_select(dim, index).contiguous()
        parameter.grad = gradient


def learning_rate_factor(step: int, steps: int, warmup: float, curve: str, final: float) -> float:
    """Return what the base learning rate is multiplied with at `step` of `steps`.

    Linear from 1/warm-up steps to 1 over the first `warmup` share of the steps, then a cosine, a polynomial
    of power 0.9, or a step halfway, ending at `final`, or a constant.
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    if curve == "constant":
        return 1.0
    if curve == "step":
        return 1.0 if 2 * step < steps else final
    falling = (1 - progress) ** 0.9 if curve == "poly" else 0.5 * (1 + math.cos(math.pi * progress))
    return final + (1 - final) * falling

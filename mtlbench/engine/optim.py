"""The optimiser wrapper: the one place where task losses become one update."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from mtlbench.contracts.adapter import Selection
from mtlbench.engine import distributed
from mtlbench.engine.config import Optimizer
from mtlbench.engine.errors import RunError
from mtlbench.engine.gradients import Combination, NonFiniteGradient, require_finite
from mtlbench.engine.model import MultiTaskModel, TaskLosses
from mtlbench.engine.rows import Rows, accumulate
from mtlbench.errors import MtlbenchError

log = logging.getLogger("mtlbench.run")
#: steps in a row that may be left out
PATIENCE = 10


class NonFiniteLoss(MtlbenchError):
    """Name the tasks whose loss became NaN or infinite."""


@OPTIM_WRAPPERS.register_module()
class BalancedOptimWrapper(OptimWrapper):
    """Turn task losses into one update: balance, back-propagate, average over processes, clip, step.

    With most balancers the weighted sum of the losses takes one backward pass. A gradient balancer takes one
    per task, or about one in its cheap forms (`Combination`). In a step of several parts every gradient
    balancer takes one per task and part, and so does a balancer whose weights depend on the present losses:
    what they sum to is known only when all parts have been seen.

    Args:
        optimizer: over the parameters that train.
        model: whose balancer and adapter take part.
        clip: largest norm of the gradient, or None.
        parts: number of parts that the batch of a step is cut into, one after another.
        amp: `bf16` runs the forward pass under autocast; the weights stay float32.
        combination: for balancers that combine gradients.

    Raises:
        RunError: the gradients by features are to be compared in steps of several parts.

    `weights` holds the effective weight of every active task's loss in the last step: w_t of w_t · f(L_t),
    times the weight of its gradient.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: MultiTaskModel,
        clip: float | None = None,
        parts: int = 1,
        amp: str = "none",
        combination: Combination | None = None,
    ) -> None:
        super().__init__(optimizer)
        if combination and parts > 1 and combination.balancer.scope == "representation":
            raise RunError(
                "balancer.scope='representation' compares features, which a step in parts never has all at "
                "once: set balancer.scope='shared', or schedule.accumulate=1."
            )
        self.model = model
        self.clip = clip
        self.parts = parts
        self.amp = amp
        self.combination = combination
        self.weights: dict[str, torch.Tensor] = {}
        self.generator = torch.Generator()
        self._left_out = 0

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

    def update_params(self, loss: Iterable[TaskLosses], **_: Any) -> None:  # type: ignore[override]
        """Take the losses of the parts of one step as they come, and step.

        A step whose gradient is not finite is left out, and the log names its tasks.

        Raises:
            NonFiniteLoss: a loss is NaN or infinite, or gradients are for the tenth step on end; nothing was
                changed by this step.
        """
        try:
            self._backward(iter(loss))
            distributed.average_gradients(self.parameters)
            norm = nn.utils.clip_grad_norm_(self.parameters, self.clip or math.inf)
            if not norm.isfinite():
                raise NonFiniteGradient(list(self.weights))
        except NonFiniteGradient as error:
            self.optimizer.zero_grad(set_to_none=True)
            self._leave_out(error)
            return
        except NonFiniteLoss:
            self.optimizer.zero_grad(set_to_none=True)
            raise
        self._left_out = 0
        self.model.adapter.after_backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def cut(self, selections: list[Selection]) -> None:
        """Cut parameters, and all that is known by parameter."""
        if self.combination:
            self.combination.cut(selections)
        apply_selections(selections, self.optimizer)

    def _backward(self, parts: Iterator[TaskLosses]) -> None:
        """Set the gradients of everything that trains, and `weights`."""
        combination = self.combination
        if combination and (self.parts > 1 or combination.whole()):
            self._by_task(parts)
        elif combination:
            self._at_once(next(parts), combination)
        elif self.parts > 1 and not self.model.balancer.static:
            self._by_task(parts)
        else:
            for index, part in enumerate(parts):
                _backward(self._total(part, first=index == 0))

    def _at_once(self, loss: TaskLosses, combination: Combination) -> None:
        """Take the cheap forms of a combination, of a step in one part."""
        self._rest(loss, keep=bool(loss.active))
        if loss.active:
            scales, values = self._scales(loss.active)
            alpha = combination.from_losses(loss.active, loss.levels, scales, values, self.generator)
            self._note(loss.active, alpha)

    def _by_task(self, parts: Iterator[TaskLosses]) -> None:
        """Gather the gradient of every task over all parts, then weight and combine them."""
        combination = self.combination
        rows: Rows | None = None
        sums: dict[str, torch.Tensor] = {}
        for part in parts:
            if rows is None:
                shares = combination.shares if combination else dict.fromkeys(self._unbalanced(), True)
                rows = Rows(tuple(part.active), list(shares), shares)
            _require_finite({task: value.detach() for task, value in part.active.items()})
            for task, value in part.active.items():
                sums[task] = sums[task] + value.detach() if task in sums else value.detach()
            self._rest(part, keep=bool(part.active))
            rows.add(part.active)
        if rows is None or not sums:
            return
        self.weights = {task: torch.zeros(()) for task in sums}
        rows.reduce(range(len(rows.inputs)))
        require_finite(rows)
        scales, values = self._scales(sums)
        if combination:
            alpha = combination.from_rows(rows, scales, values, self.generator)
        else:
            alpha = torch.ones_like(scales)
            for i, x in enumerate(rows.inputs):
                accumulate(x, rows.combine(i, scales, scales))
        self._note(sums, alpha)

    def _scales(self, losses: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (w_t f'(L_t), L_t) of the active tasks, both (K,) in float64 on the CPU.

        The gradient of Σ w_t f(L_t) + penalty by the balancer's own parameters is set on the way.
        """
        balancer = self.model.balancer
        plain = {task: loss.detach().requires_grad_() for task, loss in losses.items()}
        terms = {task: balancer.transform(loss) for task, loss in plain.items()}
        detached = {task: term.detach() for task, term in terms.items()}
        _require_finite(detached)
        slopes = torch.autograd.grad(torch.stack([*terms.values()]).sum(), [*plain.values()])
        weights = balancer.weights(detached)
        own = torch.stack([weights[task] * value for task, value in detached.items()]).sum()
        own = own + balancer.penalty(tuple(terms)).to(own)
        if own.requires_grad:
            own.backward()
        self.weights = {task: weight.detach() for task, weight in weights.items()}
        scales = torch.stack([weight.double() for weight in self.weights.values()]) * torch.stack(slopes)
        return scales.cpu(), torch.stack([loss.detach().double() for loss in losses.values()]).cpu()

    def _note(self, active: Iterable[str], alpha: torch.Tensor) -> None:
        self.weights = {
            task: self.weights[task] * a.to(self.weights[task]) for task, a in zip(active, alpha, strict=True)
        }

    def _rest(self, loss: TaskLosses, keep: bool) -> None:
        """Back-propagate what is not a task's: the learner's losses and the adapter's penalty."""
        _backward(torch.stack([loss.penalty, *loss.extra.values()]).sum(), keep)

    def _unbalanced(self) -> list[nn.Parameter]:
        """Return what trains, but for the balancer's own parameters."""
        named = self.model.named_parameters()
        return [p for name, p in named if p.requires_grad and not name.startswith("balancer.")]

    def _total(self, loss: TaskLosses, first: bool = True) -> torch.Tensor:
        balancer = self.model.balancer
        terms = {task: balancer.transform(value) for task, value in loss.active.items()}
        detached = {task: term.detach() for task, term in terms.items()}
        _require_finite({**detached, **{name: extra.detach() for name, extra in loss.extra.items()}})
        weights = balancer.weights(detached) if detached else {}
        self.weights = {task: weight.detach() for task, weight in weights.items()}
        total = loss.penalty
        if first:
            total = total + balancer.penalty(tuple(terms)).to(loss.penalty)
        for task, term in terms.items():
            total = total + weights[task] * term
        for extra in loss.extra.values():
            total = total + extra
        return total

    def _leave_out(self, error: NonFiniteGradient) -> None:
        self._left_out += 1
        names = ", ".join(error.tasks)
        if self._left_out >= PATIENCE:
            raise NonFiniteLoss(
                f"The gradient was non-finite in {PATIENCE} steps on end, the last time that of {names}. The "
                "last good checkpoint is kept. Lower optimizer.lr or set schedule.clip_grad."
            )
        log.warning("A step is left out: the gradient of %s is not finite.", names)


def _backward(total: torch.Tensor, keep: bool = False) -> None:
    """Back-propagate a total, which without labels may depend on nothing."""
    if total.requires_grad:
        total.backward(retain_graph=keep)


def _require_finite(values: Mapping[str, torch.Tensor]) -> None:
    if not values:
        return
    finite = torch.isfinite(torch.stack([v.float() for v in values.values()])).tolist()
    if not all(finite):
        bad = [name for name, good in zip(values, finite, strict=True) if not good]
        shown = ", ".join(f"{name} = {float(values[name])}" for name in bad)
        raise NonFiniteLoss(
            f"The loss became non-finite: {shown}. The run stopped before this step changed "
            "anything; the last good checkpoint is kept. Lower optimizer.lr, set "
            "schedule.clip_grad, or check the labels of this task (mtlbench data check)."
        )


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

"""Combine the gradients of tasks: what is compared, with what weights, in how many backward passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench.engine import distributed
from mtlbench.engine.conflicts import Conflicts
from mtlbench.engine.errors import RunError
from mtlbench.engine.rows import Rows, accumulate
from mtlbench.engine.sharing import SHARED

Losses = Mapping[str, Tensor]


class Combination:
    """Turn one step's task losses into gradients of parameters, as a gradient balancer says.

    Args:
        balancer: what combines.
        parameters: name -> parameter, everything that trains in backbone, decoder and learner.
        owners: see `sharing.owners`.
        places: paths of the backbone's blocks, in the order of execution.

    Raises:
        RunError: no parameter of the scope is shared.
    """

    def __init__(
        self,
        balancer: GradientBalancer,
        parameters: Mapping[str, nn.Parameter],
        owners: Mapping[nn.Parameter, Tensor],
        places: Sequence[str],
    ) -> None:
        self.balancer, self.owners = balancer, owners
        self.names = {parameter: name for name, parameter in parameters.items()}
        self.shared = [p for p in self.names if self._any(p, shared=True)]
        self.owned = [p for p in self.names if self._any(p, shared=False)]
        self.trunk = [p for p, name in self.names.items() if name.startswith("backbone.")]
        last = tuple(f"backbone.{place}." for place in list(places)[-balancer.blocks :])
        everywhere = balancer.scope != "last-blocks"
        self.scope = [p for p in self.shared if everywhere or self.names[p].startswith(last)]
        self.conflicts = Conflicts([f"backbone.{place}" for place in places])
        if not self.scope:
            where = "" if everywhere else f" in the last {balancer.blocks} blocks"
            raise RunError(
                f"No parameter{where} is shared by two tasks, so there are no gradients to combine: choose "
                "another balancer.scope, or a balancer that weights losses, such as equal."
            )
        if balancer.needs == "jacobian":
            balancer.prepare(sum(self._shared_count(p) for p in self.shared))

    def due(self) -> bool:
        """Return whether the weights are formed anew in this step."""
        return int(self.balancer.age) % self.balancer.every == 0

    def whole(self) -> bool:
        """Return whether this step needs the gradients by all parameters."""
        return self.due() and (self.balancer.scope == "shared" or self.balancer.needs == "jacobian")

    def from_rows(self, rows: Rows, scales: Tensor, values: Tensor, generator: torch.Generator) -> Tensor:
        """Set gradients from rows by all parameters; return the weights (K,), 1 under a free direction."""
        grams = rows.gram(scales)
        self.conflicts.add(rows.tasks, self._names(rows.inputs), grams)
        scope = {id(p) for p in self.scope}
        gram = grams[[id(p) in scope for p in rows.inputs]].sum(0)
        step = Gradients(rows.tasks, gram, values, generator)
        if self.balancer.needs == "gram" or len(rows.tasks) == 1:
            alpha = self._weigh(step)
            own = self._own(alpha)
            found = [rows.combine(i, scales * alpha, scales * own) for i in range(len(rows.inputs))]
        else:
            alpha = torch.ones_like(scales)
            parts = [rows.shared(i, scales) for i in range(len(rows.inputs))]
            jacobian = torch.cat([part for part in parts if part is not None], 1)
            step = Gradients(rows.tasks, gram, values, generator, jacobian)
            pieces = iter(self.balancer.combine(step).split([p.shape[1] for p in parts if p is not None]))
            directions = [None if part is None else next(pieces) for part in parts]
            found = [rows.direct(i, direction, scales) for i, direction in enumerate(directions)]
            self.balancer.age += 1
        _set(rows.inputs, found)
        return alpha

    def from_scope(
        self,
        losses: Losses,
        levels: Sequence[Tensor],
        scales: Tensor,
        values: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Compare the tasks on the scope alone, then go through the trunk once with their weights."""
        features = self.balancer.scope == "representation"
        compared = self._representation(levels) if features else self.scope
        whole = [p for p in self.shared if p not in set(self.owned)]  # no slice is one task's own
        behind = {id(p) for p in (self.trunk if features else [*whole, *self.scope])}
        rest = [p for p in self.names if id(p) not in behind]
        rows = Rows(tuple(losses), [*compared, *rest], self.owners)
        rows.add(losses)
        if features:
            gram = (
                distributed.total(rows.gram(scales)[: len(compared)].sum(0)) / distributed.world_size() ** 2
            )
        else:
            rows.reduce()
            grams = rows.gram(scales)
            self.conflicts.add(rows.tasks, self._names(rows.inputs), grams)
            gram = grams[: len(compared)].sum(0)
        require_finite(rows)
        alpha = self._weigh(Gradients(rows.tasks, gram, values, generator))
        found = [rows.combine(i, scales * alpha, scales * self._own(alpha)) for i in range(len(rows.inputs))]
        if features:
            seeds = [torch.zeros_like(x) if g is None else g for x, g in zip(compared, found, strict=False)]
            _set(self.trunk, torch.autograd.grad(compared, self.trunk, seeds, allow_unused=True))
            _set(rest, found[len(compared) :])
        else:
            _set(rows.inputs, found)
            done = {id(p) for p in rows.inputs}
            others = [p for p in self.shared if id(p) not in done]
            _set(others, self._weighted(losses, scales * alpha, others))
        return alpha

    def from_last(self, losses: Losses, scales: Tensor) -> Tensor:
        """Set gradients with the weights of the last combination; return them (K,)."""
        known = torch.stack([self.balancer.alpha[self.balancer.tasks.index(task)] for task in losses])
        alpha = known.where(known.isfinite(), 1.0).cpu()
        if self.balancer.heads == "task":
            _set(list(self.names), self._weighted(losses, scales * alpha, list(self.names)))
        else:
            owned = dict(zip(self.owned, self._weighted(losses, scales, self.owned, keep=True), strict=True))
            for p, gradient in zip(
                self.shared, self._weighted(losses, scales * alpha, self.shared), strict=True
            ):
                own = owned.get(p)
                if own is not None and gradient is not None:  # some slices shared, others one task's own
                    mask = (self.owners[p] == SHARED).view(-1, *[1] * (p.ndim - 1))
                    gradient = torch.where(mask, gradient, own)
                owned[p] = gradient
            _set(list(owned), list(owned.values()))
        self.balancer.age += 1
        return alpha

    def _any(self, parameter: nn.Parameter, *, shared: bool) -> bool:
        owner = self.owners.get(parameter)
        return shared if owner is None else bool(((owner == SHARED) == shared).any())

    def _shared_count(self, parameter: nn.Parameter) -> int:
        owner = self.owners.get(parameter)
        per_slice = parameter.numel() // max(1, len(parameter) if parameter.ndim else 1)
        return parameter.numel() if owner is None else int((owner == SHARED).sum()) * per_slice

    def _names(self, parameters: Sequence[Tensor]) -> list[str]:
        return [self.names[p] for p in parameters if isinstance(p, nn.Parameter)]

    def _own(self, alpha: Tensor) -> Tensor:
        return alpha if self.balancer.heads == "task" else torch.ones_like(alpha)

    def _weigh(self, step: Gradients) -> Tensor:
        """Return the weights (K,) of the step, and remember them."""
        one = len(step.tasks) == 1
        alpha = torch.ones(1, dtype=torch.float64) if one else self.balancer.combine(step).double().cpu()
        if self.balancer.normalise:
            alpha = alpha * (len(alpha) / alpha.sum())
        for task, weight in zip(step.tasks, alpha, strict=True):
            self.balancer.alpha[self.balancer.tasks.index(task)] = weight
        self.balancer.age += 1
        return alpha

    def _weighted(
        self, losses: Losses, weights: Tensor, inputs: list[nn.Parameter], keep: bool = False
    ) -> Sequence[Tensor | None]:
        """Differentiate the weighted sum of the losses by `inputs`."""
        if not inputs:
            return ()
        total = torch.stack(
            [w.to(loss) * loss for w, loss in zip(weights, losses.values(), strict=True)]
        ).sum()
        return torch.autograd.grad(total, inputs, retain_graph=keep, allow_unused=True)

    def _representation(self, levels: Sequence[Tensor]) -> list[Tensor]:
        if any(level.shape[0] != 1 for level in levels) and len(self.balancer.tasks) > 1:
            raise RunError(
                "balancer.scope='representation' needs one set of features for all tasks, but this adapter "
                "gives each task its own: use balancer.scope='shared' or 'last-blocks'."
            )
        return [level for level in levels if level.requires_grad]


class NonFiniteGradient(Exception):
    """Name the tasks whose gradient is NaN or infinite; the step is left out."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(", ".join(tasks))
        self.tasks = tuple(tasks)


def require_finite(rows: Rows) -> None:
    """Raise NonFiniteGradient if a row is not finite, on all processes alike."""
    bad = [set(names) for names in distributed.gather(rows.not_finite())]
    if any(bad):
        raise NonFiniteGradient([task for task in rows.tasks if task in set().union(*bad)])


def _set(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        accumulate(parameter, gradient)

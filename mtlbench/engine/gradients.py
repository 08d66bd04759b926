"""Combine the gradients of tasks: what is compared, with what weights, in how many backward passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtlbench.contracts.adapter import Selection
from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench.engine import distributed
from mtlbench.engine.conflicts import Conflicts
from mtlbench.engine.errors import RunError
from mtlbench.engine.rows import Rows, accumulate, shared_count, where_shared
from mtlbench.engine.sharing import share

Losses = Mapping[str, Tensor]


class Combination:
    """Turn one step's task losses into gradients of parameters, as a gradient balancer says.

    Args:
        balancer: what combines.
        parameters: name -> parameter, everything that trains in backbone and decoder.
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
        self.balancer = balancer
        self.parameters = list(parameters.values())
        self.shares = {p: share(owners[p]) for p in self.parameters}
        self.conflicts = Conflicts([f"backbone.{place}" for place in places])
        self.place = {p: self.conflicts.place(name) for name, p in parameters.items()}
        trunk = {name: p for name, p in parameters.items() if name.startswith("backbone.")}
        self.trunk = list(trunk.values())
        self.heads = [p for name, p in parameters.items() if name not in trunk]
        last = set(list(places)[-balancer.blocks :]) if balancer.scope == "last-blocks" else None
        candidates = self.trunk if balancer.scope == "representation" else self.parameters
        self.scope = [
            p for p in candidates if self.shares[p] is not False and (last is None or self.place[p] in last)
        ]
        if not self.scope:
            where = {
                "shared": "",
                "last-blocks": f" in the last {balancer.blocks} blocks",
                "representation": " of the backbone",
            }[balancer.scope]
            raise RunError(
                f"No parameter{where} is shared by two tasks, so there are no gradients to combine: choose "
                "another balancer.scope, or a balancer that weights losses, such as equal."
            )

    def prepare(self) -> None:
        """Let the balancer make room for its state; parameters have the shapes that they start with."""
        if self.balancer.needs == "jacobian":
            self.balancer.prepare(sum(self._counts()), self.parameters[0].device)

    def due(self) -> bool:
        """Return whether the weights are formed anew in this step."""
        return int(self.balancer.age) % self.balancer.every == 0

    def whole(self) -> bool:
        """Return whether this step needs the gradients of all tasks by all parameters."""
        return self.due() and self.balancer.scope == "shared"

    def from_rows(self, rows: Rows, scales: Tensor, values: Tensor, generator: torch.Generator) -> Tensor:
        """Set gradients from rows by all parameters; return the weights (K,), 1 under a free direction."""
        if not self.due():
            alpha = self._remembered(rows.tasks)
        else:
            places = self._places(self.parameters)
            grams = rows.gram([*places.values()], scales)
            self.conflicts.add(rows.tasks, [*places], grams)
            inside = {self.place[p] for p in self.scope}
            gram = grams[[place in inside for place in places]].sum(0)
            if self.balancer.needs == "jacobian" and len(rows.tasks) > 1:
                jacobian = rows.jacobian(scales)
                self._direct(rows, scales, Gradients(rows.tasks, gram, values, generator, jacobian))
                return torch.ones_like(scales)
            alpha = self._weigh(Gradients(rows.tasks, gram, values, generator))
        own = self._own(alpha)
        for i, p in enumerate(self.parameters):
            accumulate(p, rows.combine(i, scales * alpha, scales * own))
        return alpha

    def from_losses(
        self,
        losses: Losses,
        levels: Sequence[Tensor],
        scales: Tensor,
        values: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Weight the tasks by few gradients, or by former weights, then go through the trunk once.

        Where all tasks decode the same features, gradients by these are weighted and enter the trunk, so that
        heads too are passed once; otherwise the weighted losses are differentiated. Parameters of the trunk
        that one task owns take one more pass where they are weighted otherwise.

        Raises:
            RunError: the scope is `representation`, but tasks have features of their own.
        """
        due, cut = self.due(), self._common(levels)
        features = self.balancer.scope == "representation"
        compared = self.scope if due and not features else []
        front = [*cut, *self.heads] if cut else []
        rows, first = Rows(tuple(losses), [*compared, *front], self.shares), len(compared)
        if rows.inputs:
            rows.add(losses, keep=True)
        if due:
            alpha = self._compare(rows, len(cut) if features else first, scales, values, generator)
        else:
            alpha = self._remembered(rows.tasks)
        own = self._own(alpha)
        for i, x in enumerate(front[len(cut) :], first + len(cut)):
            accumulate(x, rows.combine(i, scales * alpha, scales * own))

        def through(
            weights: Tensor, inputs: list[nn.Parameter], keep: bool = False
        ) -> Sequence[Tensor | None]:
            """Differentiate the weighted sum of the losses."""
            if not inputs:
                return ()
            if cut:
                outputs, seeds = cut, [rows.seed(first + i, weights) for i in range(len(cut))]
            else:
                outputs = list(losses.values())
                seeds = [weight.to(loss) for weight, loss in zip(weights, outputs, strict=True)]
            return torch.autograd.grad(outputs, inputs, seeds, retain_graph=keep, allow_unused=True)

        behind = self.trunk if cut else self.parameters
        apart = [p for p in behind if self.shares[p] is not True] if self.balancer.heads == "unit" else []
        private = dict(zip(apart, through(scales, apart, keep=True), strict=True))
        together = [p for p in behind if p not in private or self.shares[p] is not False]
        for p, gradient in zip(together, through(scales * alpha, together), strict=True):
            if p in private:  # some slices are shared, others one task's own
                gradient = where_shared(self.shares[p], gradient, private.pop(p))
            accumulate(p, gradient)
        for p, gradient in private.items():
            accumulate(p, gradient)
        return alpha

    def cut(self, selections: Sequence[Selection]) -> None:
        """Follow a cut of parameters, before it is done, in the balancer's state.

        Raises:
            RunError: of what is cut, tasks share some slices only.
        """
        if any(isinstance(self.shares.get(s.parameter), Tensor) and s.dim == 0 for s in selections):
            raise RunError(
                "The adapter cuts slices of a parameter of which tasks share some and own others, so they "
                "can't be told apart afterwards: choose a balancer that weights losses, such as equal."
            )
        if self.balancer.needs == "gram" or not selections:
            return
        kept, start = [], 0
        for p, count in zip(self.parameters, self._counts(), strict=True):
            column = torch.full(p.shape, -1, device=p.device)
            share = self.shares[p]
            if count:
                span = torch.arange(start, start + count, device=p.device)
                column[... if share is True else share] = span.view(
                    p.shape if share is True else (-1, *p.shape[1:])
                )
            for selection in selections:
                if selection.parameter is p:
                    column = column.index_select(selection.dim, selection.index)
            kept.append(column[column >= 0])
            start += count
        self.balancer.select(torch.cat(kept))

    def _compare(
        self, rows: Rows, count: int, scales: Tensor, values: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return the weights (K,) that the first `count` inputs of the rows lead to."""
        if self.balancer.scope == "representation":
            # features are of this process's images alone, so inner products add up over processes
            places = {f"level {i}": [i] for i in range(count)}
            grams = rows.gram([*places.values()], scales)
            grams = distributed.total(grams) / distributed.world_size() ** 2
        else:
            places = self._places(self.scope)
            rows.reduce(range(count))
            grams = rows.gram([*places.values()], scales)
        require_finite(rows)
        self.conflicts.add(rows.tasks, [*places], grams)
        return self._weigh(Gradients(rows.tasks, grams.sum(0), values, generator))

    def _direct(self, rows: Rows, scales: Tensor, step: Gradients) -> None:
        """Set gradients to the balancer's direction, and a task's own to what they are."""
        direction = self.balancer.combine(step).split(self._counts())
        self.balancer.age += 1
        for i, (p, piece) in enumerate(zip(self.parameters, direction, strict=True)):
            accumulate(p, rows.direct(i, piece, scales))

    def _common(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Return the features that all tasks decode, as far as they depend on what trains, or none."""
        if all(len(level) == 1 for level in levels):
            return [level for level in levels if level.requires_grad]
        if self.balancer.scope == "representation" and len(self.balancer.tasks) > 1:
            raise RunError(
                "balancer.scope='representation' needs one set of features for all tasks, but this adapter "
                "gives each task its own: use balancer.scope='shared' or 'last-blocks'."
            )
        return []

    def _places(self, parameters: Sequence[nn.Parameter]) -> dict[str, list[int]]:
        """Return place -> indices of its parameters that are shared."""
        places: dict[str, list[int]] = {}
        for i, p in enumerate(parameters):
            if self.shares[p] is not False:
                places.setdefault(self.place[p], []).append(i)
        return places

    def _counts(self) -> list[int]:
        """Return how many numbers of each parameter are shared."""
        return [shared_count(p, self.shares[p]) for p in self.parameters]

    def _own(self, alpha: Tensor) -> Tensor:
        return alpha if self.balancer.heads == "task" else torch.ones_like(alpha)

    def _weigh(self, step: Gradients) -> Tensor:
        """Return the weights (K,) of the step, and remember them; a task alone keeps its gradient."""
        self.balancer.age += 1
        if len(step.tasks) == 1:
            return torch.ones(1, dtype=torch.float64)
        alpha = self.balancer.combine(step).double().cpu()
        size = alpha.abs().sum()
        if self.balancer.normalise and size > 0:
            alpha = alpha * (len(alpha) / size)
        self.balancer.alpha[self._rows_of(step.tasks)] = alpha
        return alpha

    def _remembered(self, tasks: Sequence[str]) -> Tensor:
        """Return the last weights (K,); a task without one has the mean of the others'."""
        self.balancer.age += 1
        alpha = self.balancer.alpha[self._rows_of(tasks)]
        if len(tasks) == 1 or alpha.isnan().all():
            return torch.ones_like(alpha)
        return alpha.where(~alpha.isnan(), alpha.nanmean())

    def _rows_of(self, tasks: Sequence[str]) -> list[int]:
        return [self.balancer.tasks.index(task) for task in tasks]


class NonFiniteGradient(Exception):
    """Name the tasks whose gradient is NaN or infinite; the step is left out."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(", ".join(tasks))
        self.tasks = tuple(tasks)


def require_finite(rows: Rows) -> None:
    """Raise NonFiniteGradient if a row is not finite, on all processes alike."""
    bad = distributed.total(rows.not_finite().double()).tolist()
    if any(bad):
        raise NonFiniteGradient([task for task, number in zip(rows.tasks, bad, strict=True) if number])

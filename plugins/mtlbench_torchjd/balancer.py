"""Aggregators of the package torchjd on our rows."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torchjd.aggregation
from torch import Tensor

from mtlbench.contracts.balancer import GradientBalancer, Gradients
from mtlbench.errors import MtlbenchError, did_you_mean
from mtlbench_torchjd.aggregators import EXTRAS, GRAM, check, needs_extra
from mtlbench_torchjd.memory import MEMORIES

#: options that are objects, which a config cannot hold
_OBJECTS = {"f", "projector"}
#: options that have a number per row: here one per task
_BY_TASK = {"leak", "pref_vector", "weights"}


class TorchJD(GradientBalancer):
    """Combine gradients by an aggregator of the package torchjd.

    It is called with the rows of the active tasks, scaled so that the Jacobian's Frobenius norm is 1, because
    several aggregators add constants to norms; the update is scaled back. One that compares the gradients of
    different steps (PCD, ExcessMTL) sees them as they are.

    Args:
        tasks: names of the experiment's tasks.
        aggregator: torchjd's name of the class, such as `ConFIG`.
        primary: the task that comes first, for PCD.
        options: the aggregator's own, by torchjd's names, and with those that give weights the options of
            every `GradientBalancer`. What torchjd wants as a vector over rows is a mapping task -> number.

    Raises:
        MtlbenchError: there is no such aggregator, it cannot be used here, or not with these options.
    """

    checks_options = True

    def __init__(
        self, tasks: Sequence[str], aggregator: str, primary: str | None = None, **options: Any
    ) -> None:
        ours = inspect.signature(GradientBalancer).parameters.keys() & options.keys()
        super().__init__(tasks, **{option: options.pop(option) for option in ours})
        check(aggregator)
        self.aggregator, self.primary, self.options = aggregator, primary, options
        self.needs = "gram" if aggregator in GRAM else "jacobian"
        if ours and self.needs == "jacobian":
            raise MtlbenchError(
                f"torchjd's {aggregator} gives a direction and no weights, so there is nothing for "
                f"{', '.join(sorted(ours))} to change: remove that."
            )
        suffix = "Weighting" if self.needs == "gram" else ""
        self._kind = getattr(torchjd.aggregation, aggregator + suffix)
        self.memory = MEMORIES[aggregator](len(self.tasks)) if aggregator in MEMORIES else None
        self._check_primary()
        self._check_options()
        if len(self.tasks) > 1:  # so that a run doesn't end in its first step
            trial = torch.eye(len(self.tasks), dtype=torch.float64)
            with _seeded(torch.Generator(), trial.device):
                self._call(self._make(self.tasks, trial), self.tasks, trial)

    def prepare(self, parameters: int, device: torch.device | str = "cpu") -> None:
        """Make room for state by parameter, where the aggregator has some."""
        if self.memory is not None:
            self.memory.prepare(parameters, device)

    def select(self, index: Tensor) -> None:
        """Keep the columns of parameters that were not cut."""
        if self.memory is not None:
            self.memory.select(index)

    def combine(self, step: Gradients) -> Tensor:
        """Return the weights (K,), or the direction (P,) of aggregators that need the gradients.

        Raises:
            MtlbenchError: the aggregator cannot do with the tasks of this step.
        """
        if self.needs == "jacobian":
            return self._direction(step)
        order = self._order(step.tasks)
        tasks = [step.tasks[k] for k in order]
        gram = step.gram[order][:, order]
        size = gram.diagonal().sum().sqrt()
        alpha = torch.ones_like(gram[0])
        if size > 0:
            found = self._run(step, tasks, gram if self._as_is else gram / size**2)
            alpha[order] = found * size**self._degree
        return alpha

    def _direction(self, step: Gradients) -> Tensor:
        """Return the direction (P,).

        In float64: `torch.linalg.pinv`, in ConFIG, leaves out singular values below P ε of the largest,
        which in float32 is a tenth of it for a million parameters.
        """
        rows = step.jacobian.to(torch.float32 if self.memory else torch.float64)
        size = rows.norm()
        if size == 0:
            return torch.zeros_like(rows[0])
        if self._as_is:
            return self._run(step, step.tasks, rows)
        return self._run(step, step.tasks, rows / size) * size

    @property
    def _as_is(self) -> bool:
        return self.memory is not None and self.memory.compares_steps

    @property
    def _degree(self) -> float:
        """Return the power of the Jacobian's scale that weights follow; not 0 under G a = a^(−1/α)."""
        fairness = float(self.options["alpha"]) if self.aggregator == "FairGrad" else 0.0
        return -2 * fairness / (1 + fairness)

    def _run(self, step: Gradients, tasks: Sequence[str], rows: Tensor) -> Tensor:
        aggregator = self._make(tasks, rows)
        state = getattr(aggregator, "weighting", aggregator)
        at = torch.tensor([self.tasks.index(task) for task in tasks])
        if self.memory is not None:
            self.memory.lend(state, at, rows)
        with _seeded(step.generator, rows.device):
            found = self._call(aggregator, tasks, rows)
        if self.memory is not None:
            self.memory.take(state, at)
        return found

    def _make(self, tasks: Sequence[str], rows: Tensor) -> Any:
        """Build the aggregator for some tasks, in the order of the rows."""
        options = {
            option: torch.tensor([value[task] for task in tasks if task in value]).to(rows)
            if isinstance(value, Mapping)
            else value
            for option, value in self.options.items()
        }
        try:
            return self._kind(**options)
        except ImportError as error:
            if self.aggregator not in EXTRAS:
                raise
            raise needs_extra(self.aggregator) from error
        except (TypeError, ValueError) as error:
            raise self._refused(tasks, error) from error

    def _call(self, aggregator: Any, tasks: Sequence[str], rows: Tensor) -> Tensor:
        try:
            return aggregator(rows)
        except (RuntimeError, TypeError, ValueError) as error:
            raise self._refused(tasks, error) from error

    def _refused(self, tasks: Sequence[str], error: Exception) -> MtlbenchError:
        return MtlbenchError(
            f"torchjd's {self.aggregator} cannot combine the gradients of {', '.join(tasks)} with the "
            f"options {self.options}: {error} Change the options, or take another aggregator."
        )

    def _order(self, tasks: Sequence[str]) -> list[int]:
        """Return the indices of the tasks (K,), those of the primary one first."""
        if self.primary is not None and self.primary not in tasks:
            raise MtlbenchError(
                f"PCD follows the gradient of {self.primary!r}, and a step has no labels of it: choose a "
                "label protocol under which every batch has some, another `primary`, or another aggregator."
            )
        return sorted(range(len(tasks)), key=lambda k: tasks[k] != self.primary)

    def _check_primary(self) -> None:
        wanted = self.aggregator == "PCD"
        if (self.primary in self.tasks) if wanted else (self.primary is None):
            return
        if wanted:
            raise MtlbenchError(
                f"PCD puts one task before the others: name it in `primary`, among {', '.join(self.tasks)}."
            )
        raise MtlbenchError(f"torchjd's {self.aggregator} treats tasks alike: remove `primary`.")

    def _check_options(self) -> None:
        parameters = inspect.signature(self._kind).parameters
        known = parameters.keys() - _OBJECTS
        for option, value in self.options.items():
            if option not in known:
                hint = did_you_mean(option, known)
                raise MtlbenchError(
                    f"torchjd's {self.aggregator} has no option {option!r}.{hint} "
                    f"It takes: {', '.join(sorted(known)) or 'none'}."
                )
            needed = set(self.tasks) - ({self.primary} if option == "tau" else set())
            by_task = isinstance(value, Mapping)
            if (by_task and set(value) != needed) or (option in _BY_TASK and not by_task):
                raise MtlbenchError(
                    f"The option {option!r} of torchjd's {self.aggregator} takes a number for each of the "
                    f"tasks {sorted(needed)}: {option}=dict({min(needed)}=1.0, ...)."
                )
        for option, parameter in parameters.items():
            if parameter.default is parameter.empty and option not in self.options:
                raise MtlbenchError(f"torchjd's {self.aggregator} needs the option {option!r}: give it one.")


@contextmanager
def _seeded(generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """Let torch's global generators continue from `generator`, and put them back afterwards."""
    seed = int(torch.randint(2**62, (), generator=generator))
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        for index in devices:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield

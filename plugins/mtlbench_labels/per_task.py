"""Draw, task by task, the images that show its label."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal

from mtlbench.errors import MtlbenchError

from .draw import Draw, shuffled


class _PerTask(Draw):
    """Show each task's label on the first images of an order drawn for that task.

    So a larger draw of one seed holds the smaller one, and no task's images depend on other tasks.
    """

    @abstractmethod
    def count(self, task: str, images: int) -> int:
        """Return on how many of `images` images the label is shown."""

    def choose(self, ids: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Take the first `count` images of every task."""
        shown = {
            task: {*shuffled(ids, "per-task", seed, task)[: self.count(task, len(ids))]}
            for task in self.tasks
        }
        return {image: tuple(task for task in self.tasks if image in shown[task]) for image in ids}


class HalfLabel(_PerTask):
    """Show every task's label on half of the images, rounded up."""

    def count(self, task: str, images: int) -> int:
        """Return half of the images."""
        return (images + 1) // 2


class PerTaskFraction(_PerTask):
    """Show every task's label on a fraction of the images.

    Args:
        fractions: task -> fraction in (0, 1]; names all tasks of the draw. Rounded to the nearest number of
            images, halves up, and to one at least.
        draw: see `Draw`.
    """

    def __init__(self, fractions: Mapping[str, float], draw: int | Literal["run"] = 0) -> None:
        super().__init__(tuple(fractions), draw)
        for task, fraction in fractions.items():
            if type(fraction) not in (int, float) or not 0 < fraction <= 1:
                raise MtlbenchError(
                    f"The fraction of {task} is {fraction!r}; choose a number above 0, up to 1."
                )
        # as written: 0.1 is a tenth, and not the float beside it
        self.fractions = {task: Fraction(str(fraction)) for task, fraction in fractions.items()}

    def count(self, task: str, images: int) -> int:
        """Return the fraction of the images."""
        return max(1, int(self.fractions[task] * images + Fraction(1, 2)))


class PerTaskCount(_PerTask):
    """Show every task's label on a number of images.

    Args:
        counts: task -> number of images; names all tasks of the draw.
        draw: see `Draw`.
    """

    def __init__(self, counts: Mapping[str, int], draw: int | Literal["run"] = 0) -> None:
        super().__init__(tuple(counts), draw)
        for task, count in counts.items():
            _require_count(task, count)
        self.counts = dict(counts)

    def count(self, task: str, images: int) -> int:
        """Return the number that the option names.

        Raises:
            MtlbenchError: there are fewer images.
        """
        return _at_most(task, self.counts[task], images)


class FewShotTask(_PerTask):
    """Show one task's label on a few images, and the labels of the others on all.

    Args:
        tasks: all tasks of the draw.
        task: the one with few labels.
        count: how many.
        draw: see `Draw`.
    """

    def __init__(
        self, tasks: Sequence[str], task: str, count: int = 40, draw: int | Literal["run"] = 0
    ) -> None:
        super().__init__(tasks, draw)
        if task not in self.tasks:
            raise MtlbenchError(f"The few-shot task {task!r} is none of {', '.join(self.tasks)}.")
        _require_count(task, count)
        self.task, self.shots = task, count

    def count(self, task: str, images: int) -> int:
        """Return the few, or all.

        Raises:
            MtlbenchError: there are fewer images.
        """
        return _at_most(task, self.shots, images) if task == self.task else images


def _require_count(task: str, count: int) -> None:
    if type(count) is not int or count < 1:
        raise MtlbenchError(f"The number of labels of {task} is {count!r}; choose a whole number from 1 on.")


def _at_most(task: str, count: int, images: int) -> int:
    if count > images:
        raise MtlbenchError(f"{count} labels of {task} are asked for, of {images} images; choose fewer.")
    return count

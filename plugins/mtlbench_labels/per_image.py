"""Draw how many labels an image shows, and which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mtlbench.errors import MtlbenchError

from .draw import Draw, number, shuffled


class _PerImage(Draw):
    def __init__(self, tasks: Sequence[str], draw: int | Literal["run"] = 0) -> None:
        super().__init__(tasks, draw)
        if len(self.tasks) < 2:
            raise MtlbenchError(
                f"With {self.tasks[0]!r} alone there is nothing to choose from; name all tasks of the draw "
                "in label_protocol.tasks, also where a run trains one of them."
            )


class OneLabel(_PerImage):
    """Show one label per image; the numbers of images per task differ by one at most."""

    def choose(self, ids: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Give the tasks, in a drawn order, turn by turn to the images, in a drawn order."""
        turns = shuffled(self.tasks, "one-label", "tasks", seed)
        images = shuffled(ids, "one-label", "images", seed)
        return {image: (turns[place % len(turns)],) for place, image in enumerate(images)}


class RandomLabel(_PerImage):
    """Show n labels per image: n is drawn from 1 to T-1, then a subset of n tasks, each as likely."""

    def choose(self, ids: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Draw every image by itself, so that it depends on no other."""
        shown = {}
        for image in ids:
            count = 1 + number("random-label", "count", seed, image) % (len(self.tasks) - 1)
            chosen = shuffled(self.tasks, "random-label", "tasks", seed, image)[:count]
            shown[image] = tuple(sorted(chosen))
        return shown

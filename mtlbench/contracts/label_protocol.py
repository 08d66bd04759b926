"""The label protocol contract: which labels of the training split may be seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class LabelProtocol(ABC):
    """Choose, once and from a seed, the visible labels of every training image.

    Constructed as `LabelProtocol(**options of the config)`. A hidden label is removed from the sample before
    transforms see it, so it can reach no loss, no statistic and no selection. Images stay in the training
    split whatever is hidden. What was chosen is a manifest (`mtlbench.data.manifest`): its hash enters the
    record, and the file lies beside it.
    """

    @abstractmethod
    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return image id -> names of the tasks whose label may be seen; the same on every platform.

        `tasks` are those that train. More may be named, of which nothing is read, so that runs on some of the
        tasks, such as single-task references, share one draw.
        """

    def drawn_from(self, seed: int) -> int | None:
        """Return the seed that decides in a run with `seed`; None where nothing is drawn."""
        return seed

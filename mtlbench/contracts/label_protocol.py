"""The label protocol contract: which labels of the training split may be seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class LabelProtocol(ABC):
    """Choose, once and from a seed, the visible labels of every training image.

    Constructed as `LabelProtocol(**options of the config)`. A hidden label is removed from the sample before
    transforms see it, so it can reach no loss, no statistic and no selection.
    """

    @abstractmethod
    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return image id -> names of the tasks whose label may be seen; the same on every platform."""

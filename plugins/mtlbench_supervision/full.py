"""Full supervision."""

from __future__ import annotations

from collections.abc import Sequence

from mtlbench.contracts.label_protocol import LabelProtocol


class Full(LabelProtocol):
    """Show every label of every training image."""

    def drawn_from(self, seed: int) -> None:
        """Return None: nothing is drawn."""

    def visible(self, ids: Sequence[str], tasks: Sequence[str], seed: int) -> dict[str, tuple[str, ...]]:
        """Return all tasks for every image."""
        return {image: tuple(tasks) for image in ids}

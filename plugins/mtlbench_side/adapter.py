"""A side branch on a frozen backbone (after Yao et al., AAAI 2026)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from mtlbench.contracts.adapter import Adapter
from mtlbench.contracts.backbone import Backbone
from mtlbench_side.network import SideNetwork


class SideBranch(Adapter):
    """Leave the backbone frozen, and add to its levels what a light side network makes of them.

    Nothing of the backbone trains, so autograd records none of it and keeps no activation but the levels.

    Args:
        tasks: names of the tasks.
        bottleneck: c, channels of the side network.
        experts: E, number of experts, which tasks and levels share.
        rank: r, hidden channels of an expert.
    """

    def __init__(self, tasks: Sequence[str], bottleneck: int = 64, experts: int = 4, rank: int = 16) -> None:
        super().__init__(tasks)
        self._network = partial(
            SideNetwork, tasks=len(self.tasks), width=bottleneck, experts=experts, rank=rank
        )

    def attach(self, backbone: Backbone) -> None:
        """Hand the levels that the backbone returns to the side network."""
        backbone.side = self._network(backbone.channels).to(next(backbone.parameters()))
        backbone.register_forward_hook(_through_side)


def _through_side(backbone: Backbone, _: tuple[Tensor, ...], levels: list[Tensor]) -> list[Tensor]:
    return backbone.side(levels)

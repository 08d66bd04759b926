"""Scaled parallel adapters (He et al., ICLR 2022)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from mtlbench.contracts.backbone import Backbone
from mtlbench.engine.sites import replace
from mtlbench_bottleneck.adapter import BottleneckAdapter
from mtlbench_bottleneck.bottleneck import Beside, MakeFactor
from mtlbench_bottleneck.factors import Dense


class ParallelAdapter(BottleneckAdapter):
    """Compute MLP(x) + s · U φ(D x) in every block, D and U dense.

    Args:
        scale: s.
        learns_scale: whether s trains, one per block and set of weights, from `scale`.
        tasks, sharing, reduction, norm, activation, trains: as of `BottleneckAdapter`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        scale: float = 4.0,
        learns_scale: bool = False,
        sharing: str = "per-task",
        reduction: int = 2,
        norm: bool = False,
        activation: str = "gelu",
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, sharing, ("mlp",), reduction, norm, activation, trains)
        self.scale, self.learns_scale = float(scale), learns_scale

    def factors(self) -> MakeFactor:
        """Return what makes dense matrices."""
        return partial(Dense, self.sets)

    def attach(self, backbone: Backbone) -> None:
        """Put a bottleneck beside every MLP."""
        make = self.factors()
        replace(
            backbone,
            ("mlp",),
            lambda mlp, _: Beside(mlp, self.bottleneck(make, mlp.fc2), self.scale, self.learns_scale),
        )

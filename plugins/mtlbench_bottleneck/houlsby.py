"""Bottleneck adapters (Houlsby et al., ICML 2019)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from mtlbench_bottleneck.adapter import BottleneckAdapter
from mtlbench_bottleneck.bottleneck import MakeFactor
from mtlbench_bottleneck.factors import Dense


class Houlsby(BottleneckAdapter):
    """Compute h + U φ(D norm(h)) after parts of every block, D (m, C) and U (C, m) dense.

    The options are those of `BottleneckAdapter`. By default one adapter stands in each block, which gives the
    published count on Swin-T; `places=("attn", "mlp"), norm=False` is the paper's.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        sharing: str = "per-task",
        places: Collection[str] = ("mlp",),
        reduction: int = 2,
        norm: bool = True,
        activation: str = "gelu",
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, sharing, places, reduction, norm, activation, trains)

    def factors(self) -> MakeFactor:
        """Return what makes dense matrices."""
        return partial(Dense, self.sets)

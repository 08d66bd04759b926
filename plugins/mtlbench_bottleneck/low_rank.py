"""Low-rank adapters (a baseline of Mahabadi, Henderson, Ruder, NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from mtlbench_bottleneck.adapter import BottleneckAdapter
from mtlbench_bottleneck.bottleneck import MakeFactor
from mtlbench_bottleneck.factors import LowRank


class LowRankAdapter(BottleneckAdapter):
    """Compute h + U φ(D h) with D = L R and U = L' R', both of rank r.

    Args:
        rank: r.
        tasks, sharing, places, reduction, norm, activation, trains: as of `BottleneckAdapter`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        rank: int = 4,
        sharing: str = "per-task",
        places: Collection[str] = ("attn", "mlp"),
        reduction: int = 16,
        norm: bool = False,
        activation: str = "gelu",
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, sharing, places, reduction, norm, activation, trains)
        self.rank = rank

    def factors(self) -> MakeFactor:
        """Return what makes matrices of rank r."""
        return partial(LowRank, self.sets, rank=self.rank)

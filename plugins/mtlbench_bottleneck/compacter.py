"""Compacter and Compacter++ (Mahabadi, Henderson, Ruder, NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mtlbench_bottleneck.phm import PHM


class Compacter(PHM):
    """Share the A_i of `PHM` among all layers and take B_i of low rank; the options are those of `PHM`."""

    def __init__(
        self,
        tasks: Sequence[str],
        n: int = 4,
        rank: int = 1,
        rule: str = "all",
        sharing: str = "per-task",
        places: Collection[str] = ("attn", "mlp"),
        reduction: int = 2,
        norm: bool = True,
        activation: str = "gelu",
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, n, rank, rule, sharing, places, reduction, norm, activation, trains)


class CompacterPlusPlus(Compacter):
    """Put `Compacter` after the MLP only; the options are its others."""

    def __init__(
        self,
        tasks: Sequence[str],
        n: int = 4,
        rank: int = 1,
        rule: str = "all",
        sharing: str = "per-task",
        reduction: int = 2,
        norm: bool = True,
        activation: str = "gelu",
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, n, rank, rule, sharing, ("mlp",), reduction, norm, activation, trains)

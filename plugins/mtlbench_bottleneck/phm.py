"""Adapters of parameterised hypercomplex multiplication (Zhang et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import nn

from mtlbench.errors import MtlbenchError
from mtlbench_bottleneck.adapter import BottleneckAdapter, require
from mtlbench_bottleneck.bottleneck import MakeFactor
from mtlbench_bottleneck.factors import Kronecker, LowRankKronecker, kronecker_rule

RULES = ("own", "layers", "all")


class PHM(BottleneckAdapter):
    """Compute h + U φ(D h) with D and U each Σ_i A_i ⊗ B_i, i = 1 ... n, where m is a multiple of n.

    Args:
        n: number of terms; A_i is (n, n).
        rank: r of B_i = s_i t_iᵀ, s_i (out / n, r) and t_i (in / n, r); None for a full B_i.
        rule: whose the A_i are: each matrix's `own`, those of all `layers` of a set of weights, or of `all`
            layers and sets.
        tasks, sharing, places, reduction, norm, activation, trains: as of `BottleneckAdapter`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        n: int = 4,
        rank: int | None = None,
        rule: str = "own",
        sharing: str = "per-task",
        places: Collection[str] = ("attn", "mlp"),
        reduction: int = 16,
        norm: bool = False,
        activation: str = "gelu",
        trains: Collection[str] = (),
    ) -> None:
        super().__init__(tasks, sharing, places, reduction, norm, activation, trains)
        require("rule", rule, RULES)
        self.n, self.rank, self.rule = n, rank, rule
        self.multiple = n

    def factors(self) -> MakeFactor:
        """Return what makes sums of Kronecker products.

        Raises:
            MtlbenchError: n doesn't divide the channels.
        """
        one = kronecker_rule(1 if self.rule == "all" else self.sets, self.n)

        def make(inputs: int, outputs: int, zero: bool) -> nn.Module:
            if inputs % self.n:
                raise MtlbenchError(
                    f"n = {self.n} doesn't divide {inputs} channels: choose one that divides those of all "
                    "blocks."
                )
            A = kronecker_rule(self.sets, self.n) if self.rule == "own" else one
            if self.rank is None:
                return Kronecker(self.sets, inputs, outputs, zero, A=A)
            return LowRankKronecker(self.sets, inputs, outputs, zero, A=A, rank=self.rank)

        return make

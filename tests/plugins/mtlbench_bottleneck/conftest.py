from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mtlbench_bottleneck.factors import Dense, Kronecker, LowRank


@pytest.fixture
def matrix() -> Callable[[nn.Module, int], Tensor]:
    """Return a function that writes W of set k of a factor out."""

    def write_out(factor: nn.Module, k: int) -> Tensor:
        if isinstance(factor, Dense):
            return factor.weight[k]
        if isinstance(factor, LowRank):
            return factor.L[k] @ factor.R[k]
        A = factor.A[k % len(factor.A)]
        if isinstance(factor, Kronecker):
            return sum(torch.kron(A[i], factor.B[k, i]) for i in range(len(A)))
        s, t = factor.s[k].unflatten(-1, factor.t.shape[1:3]), factor.t[k]
        return sum(torch.kron(A[i], s[:, i] @ t[i]) for i in range(len(A)))

    return write_out

"""Factors against matrices written out with `torch.kron`, one set after another, in float64."""

import pytest
import torch

from mtlbench_bottleneck.factors import Dense, Kronecker, LowRank, LowRankKronecker, kronecker_rule

SETS, INPUTS, OUTPUTS, N = 3, 12, 8, 4


def made(kind, sets=SETS, inputs=INPUTS, outputs=OUTPUTS, zero=False, rules=None, rank=1):
    torch.manual_seed(0)
    if kind is Dense:
        return Dense(sets, inputs, outputs, zero)
    if kind is LowRank:
        return LowRank(sets, inputs, outputs, zero, rank=rank)
    A = kronecker_rule(sets if rules is None else rules, N)
    if kind is Kronecker:
        return Kronecker(sets, inputs, outputs, zero, A=A)
    return LowRankKronecker(sets, inputs, outputs, zero, A=A, rank=rank)


KINDS = [Dense, LowRank, Kronecker, LowRankKronecker]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sets, rules, streams", [(1, 1, 1), (SETS, SETS, 1), (SETS, 1, 1), (SETS, 1, SETS)])
@pytest.mark.parametrize("inputs, outputs", [(INPUTS, OUTPUTS), (OUTPUTS, INPUTS)])
@pytest.mark.parametrize("rank", [1, 2])
def test_equals_the_written_out_matrix_with_its_gradients(
    kind, sets, rules, streams, inputs, outputs, rank, matrix
):
    factor = made(kind, sets, inputs, outputs, rules=rules, rank=rank).double()
    x = torch.randn(streams, 2, 3, 5, inputs, dtype=torch.float64, requires_grad=True)
    ours = factor(x)
    theirs = torch.stack([x[k % streams] @ matrix(factor, k).T for k in range(sets)])
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    probe = torch.randn_like(ours)
    variables = [x, *factor.parameters()]
    for a, b in zip(
        torch.autograd.grad((ours * probe).sum(), variables),
        torch.autograd.grad((theirs * probe).sum(), variables),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_starts_at_zero_where_it_is_told_but_can_leave(kind):
    factor = made(kind, zero=True)
    y = factor(torch.randn(1, 2, 5, INPUTS))
    assert not y.any()
    (y - 1).square().sum().backward()
    assert all(grad.any() for grad in [p.grad for p in factor.parameters() if not p.any()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 4])
def test_starts_with_the_variance_of_a_linear_layer(kind, rank, matrix):
    """1 / (3 I), averaged over sets, as few numbers decide a matrix."""
    factor = made(kind, sets=2000, inputs=32, outputs=16, rank=rank)
    matrices = torch.stack([matrix(factor, k).detach() for k in range(2000)])
    assert abs(matrices.mean()) < 0.01
    assert matrices.var().item() == pytest.approx(1 / 96, rel=0.05)


@pytest.mark.parametrize(
    "kind, rank, numbers",
    [
        (Dense, 1, INPUTS * OUTPUTS),
        (LowRank, 1, INPUTS + OUTPUTS),
        (LowRank, 3, 3 * (INPUTS + OUTPUTS)),
        (Kronecker, 1, INPUTS * OUTPUTS // N + N**3),
        (LowRankKronecker, 1, INPUTS + OUTPUTS + N**3),
        (LowRankKronecker, 2, 2 * (INPUTS + OUTPUTS) + N**3),
    ],
)
def test_counts(kind, rank, numbers):
    assert sum(p.numel() for p in made(kind, rank=rank).parameters()) == SETS * numbers

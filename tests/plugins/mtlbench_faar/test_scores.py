import pytest
import torch
from torch import nn

from mtlbench_faar.scores import kept_slots, slot_scores


def pair(A, B, grad_a, grad_b):
    A, B = nn.Parameter(torch.tensor(A)), nn.Parameter(torch.tensor(B))
    A.grad, B.grad = torch.tensor(grad_a), torch.tensor(grad_b)
    return A, B


def test_scores_are_half_the_two_inner_products():
    A, B = pair(
        A=[[1.0, 2.0], [3.0, 4.0]],
        B=[[1.0, -1.0], [2.0, 1.0], [0.0, 5.0]],
        grad_a=[[1.0, -1.0], [0.5, 1.0]],
        grad_b=[[1.0, 1.0], [1.0, 1.0], [7.0, 0.0]],
    )
    [score] = slot_scores([(A, B)])
    torch.testing.assert_close(score, torch.tensor([(1 + 3) / 2, (5.5 + 0) / 2]))


def test_pairs_of_different_shapes_equal_a_loop():
    torch.manual_seed(0)
    pairs = []
    for rank, inputs, outputs in [(1, 3, 4), (6, 2, 5), (4, 7, 2)]:
        A, B = nn.Parameter(torch.randn(rank, inputs)), nn.Parameter(torch.randn(outputs, rank))
        A.grad, B.grad = torch.randn_like(A), torch.randn_like(B)
        pairs.append((A, B))
    for (A, B), score in zip(pairs, slot_scores(pairs), strict=True):
        along_a = [abs(a.dot(g).item()) for a, g in zip(A.detach(), A.grad, strict=True)]
        along_b = [abs(b.dot(g).item()) for b, g in zip(B.detach().T, B.grad.T, strict=True)]
        slots = [(a + b) / 2 for a, b in zip(along_a, along_b, strict=True)]
        limit = 100 * sorted(slots)[(len(slots) - 1) // 2]
        torch.testing.assert_close(score, torch.tensor(slots).clamp(max=limit))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_counts_as_zero(bad):
    A, B = pair([[1.0], [1.0], [1.0]], [[0.0, 0.0, 0.0]], [[2.0], [bad], [4.0]], [[0.0, 0.0, 0.0]])
    assert slot_scores([(A, B)])[0].tolist() == [1.0, 0.0, 2.0]


def test_outliers_are_clamped_at_a_hundred_medians():
    A, B = pair([[1.0]] * 3, [[0.0] * 3], [[2.0], [4.0], [4e6]], [[0.0] * 3])
    assert slot_scores([(A, B)])[0].tolist() == pytest.approx([1.0, 2.0, 200.0])


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("margin, floor", [(0, 1), (1, 2), (3, 4), (0, 20)])
def test_keeps_the_fewest_slots_that_reach_the_share(rho, margin, floor):
    score = torch.rand(12, generator=torch.Generator().manual_seed(1)).double() ** 4
    ranked = sorted(range(12), key=lambda k: -score[k])
    fewest = next(k for k in range(1, 13) if score[ranked[:k]].sum() / score.sum() >= rho - 1e-12)
    assert kept_slots(score, rho, margin, floor).tolist() == ranked[: max(floor, min(12, fewest + margin))]


def test_no_score_tells_nothing():
    assert kept_slots(torch.zeros(5), rho=0.95, margin=1, floor=2).tolist() == [0, 1, 2, 3, 4]

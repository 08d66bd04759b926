"""How much every rank slot matters, and which slots stay (PDRS, FAAR)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence


@torch.no_grad()
def slot_scores(pairs: Sequence[tuple[nn.Parameter, nn.Parameter]]) -> list[Tensor]:
    """Return s_k = ½ (|Σ_j A_kj ∂A_kj| + |Σ_i B_ik ∂B_ik|) of every pair A (R, I), B (O, R): (R,).

    NaN and infinity count as zero; a score is clamped at 100 times the (lower) median of its pair. A slot out
    of use has no gradient and scores zero.
    """
    along_a = [torch.linalg.vecdot(A.float(), A.grad.float(), dim=1) for A, _ in pairs]
    along_b = [torch.linalg.vecdot(B.float(), B.grad.float(), dim=0) for _, B in pairs]
    ranks = [len(a) for a in along_a]
    scores = 0.5 * (torch.cat(along_a).abs() + torch.cat(along_b).abs())
    scores = scores.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).split(ranks)
    padded = pad_sequence(scores, batch_first=True, padding_value=torch.nan)
    limit = 100 * padded.nanmedian(dim=1, keepdim=True).values + 1e-12
    return [row[:rank] for row, rank in zip(padded.minimum(limit), ranks, strict=True)]


def kept_slots(score: Tensor, rho: float, margin: int, floor: int) -> Tensor:
    """Return which slots stay, best first.

    K is the smallest number of slots whose cumulative share of the score (cap,) reaches ρ;
    max(floor, min(cap, K + margin)) slots stay. A score that is zero everywhere tells nothing: all stay.
    """
    cap = len(score)
    order = score.argsort(descending=True, stable=True)
    share = score[order].cumsum(0) / score.sum()
    if not score.any():
        return order
    reached = int((share < rho).sum()) + 1
    return order[: max(floor, min(cap, reached + margin))]

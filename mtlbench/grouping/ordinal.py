"""Compare sources of a task by how often one beats the other, whatever the unit of the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_CLIP = 0.001


def ordinal_affinity(performances: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return source -> its share of a target, as Taskonomy normalises transfers (Zamir et al., CVPR 2018).

    W_ij is the share of samples in which source i serves the target better than source j, ties counting half,
    clipped to [0.001, 0.999]. The affinities are the principal eigenvector of W' = W / Wᵀ (element by
    element), scaled to sum 1: the analytic hierarchy process.

    Args:
        performances: source -> the target's metric on each sample, the same samples for all sources; the
            larger the better.
    """
    values = np.array([*performances.values()], dtype=np.float64)
    better = (values[:, None] > values[None]).mean(2) + 0.5 * (values[:, None] == values[None]).mean(2)
    wins = better.clip(_CLIP, 1 - _CLIP)
    return dict(zip(performances, principal_eigenvector(wins / wins.T).tolist(), strict=True))


def principal_eigenvector(matrix: np.ndarray) -> np.ndarray:
    """Return the eigenvector (n,) of the largest eigenvalue of a positive (n, n) matrix; it sums to 1."""
    values, vectors = np.linalg.eig(matrix)
    vector = np.abs(vectors[:, values.real.argmax()].real)  # Perron: all of one sign
    return vector / vector.sum()

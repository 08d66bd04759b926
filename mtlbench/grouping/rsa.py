"""Compare tasks by how alike their features order the same images."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from mtlbench.grouping.affinity import Affinity
from mtlbench.grouping.errors import GroupingError


def dissimilarities(features: np.ndarray) -> np.ndarray:
    """Return 1 - Pearson's r of every pair of images, (N (N - 1) / 2,), for features (N, D)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (1 - np.corrcoef(features))[np.triu_indices(len(features), 1)]


def similarity(features: Mapping[str, np.ndarray]) -> Affinity:
    """Return Spearman's correlation of the tasks' dissimilarities (Dwivedi & Roig, CVPR 2019).

    Args:
        features: task -> (N, D), of the same N images in the same order; D may differ.

    Raises:
        GroupingError: the features of a task are constant, on an image or over images.
    """
    ranks = {}
    for task, values in features.items():
        found = dissimilarities(np.asarray(values, dtype=np.float64))
        if not np.isfinite(found).all() or found.std() == 0:
            raise GroupingError(
                f"The features of {task} do not tell images apart, so they cannot be compared: take more "
                "--images, or train longer."
            )
        ranks[task] = rankdata(found)
    pairs = {(task, task): 1.0 for task in features}
    for a, b in combinations(features, 2):
        pairs[a, b] = pairs[b, a] = float(np.corrcoef(ranks[a], ranks[b])[0, 1])
    return Affinity.of("rsa", features, pairs)

"""Features are compared by how they order pairs of images."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from mtlbench.grouping.errors import GroupingError
from mtlbench.grouping.rsa import similarity

DRAW = np.random.default_rng(0)
FEATURES = {"a": DRAW.normal(size=(7, 20)), "b": DRAW.normal(size=(7, 5)), "c": DRAW.normal(size=(7, 12))}


def by_hand(first: np.ndarray, second: np.ndarray) -> float:
    pairs = list(combinations(range(len(first)), 2))
    one, other = ([1 - pearsonr(x[i], x[j])[0] for i, j in pairs] for x in (first, second))
    return spearmanr(one, other)[0]


def test_it_is_the_rank_correlation_of_dissimilarities():
    found = similarity(FEATURES)
    for a, b in combinations("abc", 2):
        assert found.between(a, b) == found.between(b, a) == pytest.approx(by_hand(FEATURES[a], FEATURES[b]))
    assert [found.between(task, task) for task in "abc"] == [1, 1, 1]


def test_the_scale_of_an_image_and_the_order_of_channels_do_not_count():
    a = FEATURES["a"]
    scales = DRAW.uniform(0.5, 2, (7, 1))
    found = similarity({"a": a, "b": (scales * a + DRAW.normal(size=(7, 1)))[:, DRAW.permutation(20)]})
    assert found.between("a", "b") == pytest.approx(1)


@pytest.mark.parametrize("features", [np.ones((7, 5)), np.ones((7, 1)) * np.arange(5)])
def test_features_that_tell_nothing_apart_are_refused(features):
    with pytest.raises(GroupingError, match="The features of b do not tell images apart"):
        similarity({"a": FEATURES["a"], "b": features})

"""Sources share a target by how often one beats the other."""

from __future__ import annotations

import numpy as np
import pytest

from mtlbench.grouping.ordinal import ordinal_affinity, principal_eigenvector


def test_two_sources_share_by_wins():
    assert ordinal_affinity({"a": [2, 2, 2, 0], "b": [1, 1, 1, 1]}) == pytest.approx({"a": 0.75, "b": 0.25})


def test_ties_count_half():
    assert ordinal_affinity({"a": [1, 1], "b": [1, 1]}) == pytest.approx({"a": 0.5, "b": 0.5})


def test_whoever_always_wins_is_clipped():
    assert ordinal_affinity({"a": [2, 2], "b": [1, 1]}) == pytest.approx({"a": 0.999, "b": 0.001})


def test_only_the_order_counts():
    values = np.random.default_rng(0).normal(size=(4, 50))
    sources = dict(zip("abcd", values, strict=True))
    curved = {name: np.exp(3 * row) for name, row in sources.items()}
    assert ordinal_affinity(curved) == pytest.approx(ordinal_affinity(sources))


def test_the_order_of_sources_does_not_count():
    values = np.random.default_rng(1).normal(size=(4, 50))
    sources = dict(zip("abcd", values, strict=True))
    found, backwards = ordinal_affinity(sources), ordinal_affinity(dict(reversed(sources.items())))
    assert found == pytest.approx(backwards)
    assert sum(found.values()) == pytest.approx(1)


def test_the_eigenvector_of_consistent_ratios_is_what_they_are_ratios_of():
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    np.testing.assert_allclose(principal_eigenvector(shares[:, None] / shares), shares)


def test_the_eigenvector_is_what_powers_of_the_matrix_tend_to():
    matrix = np.random.default_rng(2).uniform(0.1, 5, (5, 5))
    power = np.linalg.matrix_power(matrix / matrix.sum(), 60).sum(1)
    np.testing.assert_allclose(principal_eigenvector(matrix), power / power.sum())

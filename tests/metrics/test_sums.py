from fractions import Fraction

import numpy as np

from mtlbench.metrics.sums import ImageSums


def test_totals_are_rounded_once_whatever_the_order():
    rows = [[1e16, 0.1], [1.0, 0.2], [-1e16, 0.3], [1.0, -0.6]]
    for order in ((0, 1, 2, 3), (3, 0, 2, 1), (2, 3, 1, 0)):
        sums = ImageSums(2)
        for i in order:
            sums.add(np.array(rows[i]))
        assert sums.totals()[0] == 2.0
        assert sums.totals()[1] == float(sum(map(Fraction, (0.1, 0.2, 0.3, -0.6))))


def test_equal_sets_of_images_give_equal_rows():
    first, second, third = np.array([2.0, 1.0]), np.array([1.0, 5.0]), np.array([1.0, 3.0])
    one, other = ImageSums(2), ImageSums(2)
    for row in (first, second, third):
        one.add(row)
    half = ImageSums(2)
    half.add(second)
    other.add(third)
    other.add(first)
    other.merge(half.rows())
    assert np.array_equal(one.rows(), other.rows())
    assert one.rows().shape == (3, 2)


def test_without_images_totals_are_zero():
    assert ImageSums(3).totals().tolist() == [0, 0, 0]

import numpy as np
import pytest
from scipy import ndimage

from mtlbench.metrics.thinning import thin

EIGHT = np.ones((3, 3), dtype=int)
RING = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1))


def _masks():
    rng = np.random.default_rng(5)
    blobs = ndimage.gaussian_filter(rng.normal(size=(6, 30, 41)), (0, 2, 2)) > 0.02
    return np.concatenate([blobs, rng.random((3, 30, 41)) < 0.6])


def _delete(x, step):
    """Tell whether sub-iteration `step` deletes a pixel with the neighbours x[1] ... x[8] (x[9] = x[1])."""
    if sum(not x[2 * i - 1] and (x[2 * i] or x[2 * i + 1]) for i in (1, 2, 3, 4)) != 1:
        return False
    first = sum(x[2 * k - 1] or x[2 * k] for k in (1, 2, 3, 4))
    second = sum(x[2 * k] or x[2 * k + 1] for k in (1, 2, 3, 4))
    if not 2 <= min(first, second) <= 3:
        return False
    if step == 0:
        return not ((x[2] or x[3] or not x[8]) and x[1])
    return not ((x[6] or x[7] or not x[4]) and x[5])


def _pixel_by_pixel(mask):
    mask = np.pad(mask, 1)
    while True:
        before = mask.copy()
        for step in (0, 1):
            gone = []
            for y, x in np.argwhere(mask):
                around = [bool(mask[y + dy, x + dx]) for dy, dx in RING]
                if _delete([None, *around], step):
                    gone.append((y, x))
            for y, x in gone:
                mask[y, x] = False
        if np.array_equal(mask, before):
            return mask[1:-1, 1:-1]


def test_equals_the_published_conditions_pixel_by_pixel():
    masks = _masks()[::3]
    assert np.array_equal(thin(masks), np.stack([_pixel_by_pixel(mask) for mask in masks]))


def test_masks_do_not_touch_each_other_however_many_they_are():
    masks = np.tile(_masks(), (8, 1, 1))[:71]
    alone = [thin(mask) for mask in masks[:9]]
    assert np.array_equal(thin(masks), np.stack([alone[k % 9] for k in range(71)]))
    assert np.array_equal(thin(masks[:70].reshape(2, 35, 30, 41)), thin(masks[:70]).reshape(2, 35, 30, 41))
    assert thin(masks[:0]).shape == (0, 30, 41)


def test_keeps_the_topology():
    masks = _masks()
    for mask, line in zip(masks, thin(masks), strict=True):
        assert not (line & ~mask).any()
        assert ndimage.label(line, EIGHT)[1] == ndimage.label(mask, EIGHT)[1]
        assert (
            ndimage.label(np.pad(~line, 1, constant_values=True))[1]
            == (ndimage.label(np.pad(~mask, 1, constant_values=True))[1])
        )


def test_thinning_twice_changes_nothing_and_the_input_stays():
    masks = _masks()
    copy = masks.copy()
    once = thin(masks)
    assert np.array_equal(thin(once), once)
    assert np.array_equal(masks, copy)


@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_thick_bar_becomes_one_pixel_wide(width):
    mask = np.zeros((20, 40), dtype=bool)
    mask[8 : 8 + width, 4:36] = True
    line = thin(mask)
    assert set(line[:, 10:30].sum(0)) == {1}
    assert line.any(0)[4 + width : 36 - width].all()


def test_masks_of_a_stack_do_not_touch():
    masks = _masks()
    assert np.array_equal(thin(masks), np.stack([thin(mask) for mask in masks]))

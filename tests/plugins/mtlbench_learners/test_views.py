from __future__ import annotations

import numpy as np
import pytest
import torch

from mtlbench.data.geometry import Geometric, Move, move
from mtlbench_learners.views import draw, move_images, move_labels, move_outputs, shrink

SIZE = (30, 44)
MOVES = {
    "nothing": Move(False, np.s_[0:30, 0:44], SIZE, 1.0),
    "mirrored": Move(True, np.s_[0:30, 0:44], SIZE, 1.0),
    "zoomed": Move(False, np.s_[3:28, 5:42], SIZE, 1.2),
    "both": Move(True, np.s_[7:27, 10:39], SIZE, 1.5),
}


class Fixed(Geometric):
    """Move as told."""

    def __init__(self, drawn: Move) -> None:
        self.drawn = drawn

    def draw(self, size, rng):
        """Return the move."""
        return self.drawn


def label(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind == "classes":
        return rng.integers(0, 5, SIZE, dtype=np.uint8)
    shape = SIZE if kind in ("scalar", "inverse") else (*SIZE, 3)
    values = rng.uniform(0.1, 1, shape).astype(np.float32)
    values[3:6, 4:9] = np.nan if kind == "image" else 0.0
    return values


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("kind", ["classes", "scalar", "inverse", "vector", "image"])
def test_labels_move_as_in_the_loader(kind, name):
    original = label(kind)
    sample = {"image": np.zeros((*SIZE, 3), np.uint8), "labels": {"x": original.copy()}, "kinds": {"x": kind}}
    expected = move(sample, [Fixed(MOVES[name])])["labels"]["x"]
    tensor = torch.from_numpy(original if original.ndim == 2 else original.transpose(2, 0, 1))
    found = move_labels(tensor[None], kind, [MOVES[name]])[0].numpy()
    found = found if found.ndim == 2 else found.transpose(1, 2, 0)
    if kind == "image":
        np.testing.assert_allclose(found, expected, atol=2e-3)  # cv2 counts places in 1/32 of a pixel
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", MOVES)
def test_images_move_like_float_images_of_the_loader(name):
    original = np.random.default_rng(0).uniform(-1, 1, (*SIZE, 3)).astype(np.float32)
    sample = {"image": original.copy(), "labels": {}, "kinds": {}}
    expected = move(sample, [Fixed(MOVES[name])])["image"]
    found = move_images(torch.from_numpy(original.transpose(2, 0, 1))[None], [MOVES[name]])
    np.testing.assert_allclose(found[0].numpy().transpose(1, 2, 0), expected, atol=5e-3)


def test_every_image_has_a_move_of_its_own():
    images = torch.rand(2, 3, *SIZE)
    moves = [MOVES["mirrored"], MOVES["both"]]
    together = move_images(images, moves)
    assert torch.equal(together[0], images[0].flip(-1))
    assert torch.equal(together[1], move_images(images[1:], moves[1:])[0])


@pytest.mark.parametrize(
    ("kind", "factor"), [("scalar", 1 / 1.5), ("inverse", 1.5), ("image", 1.0), ("classes", 1.0)]
)
def test_outputs_change_like_labels(kind, factor):
    outputs = torch.full((1, 2, *SIZE), 3.0)
    torch.testing.assert_close(move_outputs(outputs, kind, [MOVES["both"]]), outputs * factor)


def test_mirrored_vectors_point_the_other_way():
    outputs = torch.tensor([1.0, 2.0, 3.0])[None, :, None, None].expand(1, 3, *SIZE)
    moved = move_outputs(outputs, "vector", [MOVES["mirrored"]])
    assert moved[0, :, 0, 0].tolist() == [-1.0, 2.0, 3.0]
    void = move_labels(torch.zeros(1, 3, *SIZE), "vector", [MOVES["mirrored"]])
    assert not torch.signbit(void).any()


def test_views_come_from_the_global_generator():
    images = torch.zeros(200, 3, *SIZE)
    torch.manual_seed(3)
    moves = draw(images, (1.0, 1.2, 1.5), 0.5)
    torch.manual_seed(3)
    assert draw(images, (1.0, 1.2, 1.5), 0.5) == moves
    assert {m.zoom for m in moves} == {1.0, 1.2, 1.5}
    assert 60 < sum(m.mirrored for m in moves) < 140
    for m in moves:
        for part, side in zip(m.window, SIZE, strict=True):
            assert part.start >= 0 and part.stop <= side and part.stop - part.start == round(side / m.zoom)
    assert {m.window[1].start for m in moves if m.zoom == 1.5} == set(range(44 - 29 + 1))


def test_shrinking_takes_nearest_pixels():
    x = torch.arange(12.0).expand(8, 12)
    assert shrink(x, (2, 3)).tolist() == [[2.0, 6.0, 10.0]] * 2
    assert torch.equal(shrink(x, (8, 12)), x)
